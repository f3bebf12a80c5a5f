"""The suite's table: printed after a run, and merged with Chromium's into docs/security.md.

python -m tests.redteam.table redteam.json chromium.json --write docs/security.md
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .suite import Row

BEGIN, END = "<!-- redteam table -->", "<!-- end of redteam table -->"
BAD = ("leaked", "abused", "failed")
_WORST = ("skipped", "held", "documented", *reversed(BAD))


def together(rows: Iterable[Row]) -> list[Row]:
    """One row for each attempt at each veil, by id: where several tests try it, the worst outcome."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.id, row.veil), []).append(row)
    return ordered(
        replace(max(same, key=lambda row: _WORST.index(row.outcome)), control=all(row.control for row in same))
        for same in found.values()
    )


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| id | group | attempt | veil | outcome | control caught |", "|---|---|---|---|---|---|"]
    for row in rows:
        caught = "yes" if row.control else "no"
        sentence = row.sentence.replace("|", "\\|")
        lines.append(f"| {row.id} | {row.group} | {sentence} | {row.veil} | {row.outcome} | {caught} |")
    return "\n".join(lines)


def ordered(rows: Iterable[Row]) -> list[Row]:
    def key(row: Row) -> tuple[str, int, str, str]:
        letters, number, rest = re.fullmatch(r"(\D*)(\d*)(.*)", row.id).groups()  # type: ignore[union-attr]
        return letters, int(number or 0), rest, row.veil

    return sorted(rows, key=key)


def counts(rows: Sequence[Row]) -> str:
    """One line: how many attempts of each outcome, and how many controls were caught."""
    outcomes = Counter(row.outcome for row in rows)
    tried = [row for row in rows if row.outcome != "skipped"]
    caught = sum(row.control for row in tried)
    said = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
    return f"{len(rows)} attempts: {said or 'none'}; controls caught: {caught} of {len(tried)}"


def good(rows: Iterable[Row]) -> bool:
    return all(row.outcome not in BAD and (row.control or row.outcome == "skipped") for row in rows)


def from_playwright(report: dict[str, Any]) -> Iterator[Row]:
    """The rows in a report of Playwright's JSON reporter."""
    for suite in report.get("suites", []):
        yield from from_playwright(suite)
    for spec in report.get("specs", []):
        for test in spec["tests"]:
            for annotation in test["annotations"]:
                if annotation["type"] == "redteam":
                    said = json.loads(annotation["description"])
                    held = spec["ok"]
                    yield Row(**{"veil": "any", **said}, outcome="held" if held else "failed", control=held)


def read(path: Path) -> list[Row]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(found, list):
        return [Row(**row) for row in found]
    return list(from_playwright(found))


def written_into(page: str, table: str) -> str:
    """``page`` with ``table`` between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"The page has no {BEGIN} … {END} to write the table between.")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--write", type=Path, help="a page that holds the table's two marks")
    asked = parser.parse_args()
    rows = together(row for path in asked.results if path.exists() for row in read(path))
    table = f"{markdown(rows)}\n\n{counts(rows)}"
    sys.stdout.write(f"{table}\n")
    if asked.write:
        asked.write.write_text(written_into(asked.write.read_text(encoding="utf-8"), table), encoding="utf-8")
    return 0 if good(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
