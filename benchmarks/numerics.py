"""How far each technique's numbers lie from an independent computation, by architecture and type.

The reference is plain Hugging Face modules with hooks, autograd, numpy or scikit-learn, in float32 on the same weights;
in a narrower type the table also says how far plain modules of that type lie from it. With ``--check`` the exit status
is 1 where a limit is missed; ``--write docs/numerics.md`` puts the tables into the page.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from interp_bench_ext.host.bundled import ensure_bundled  # noqa: E402
from scripts.host_environment import work_as_a_host  # noqa: E402
from tests.host.tiny import FAMILIES, save_adapter, save_model  # noqa: E402
from tests.numerics import CHECKS, Case, Deviation  # noqa: E402

TYPES = (torch.float32, torch.bfloat16)
REAL = "smollm2-135m-instruct"


def cases(only: str, folder: Path) -> Iterator[Case]:
    """Tiny random models in both types, and the bundled one in float32."""
    for family in FAMILIES:
        if only and only != family:
            continue
        saved = save_model(family, folder / family)
        adapter = save_adapter(saved, folder / f"{family}-adapter")
        yield from (Case(family, saved, adapter, dtype) for dtype in TYPES)
    if only in ("", "real"):
        yield Case("SmolLM2-135M", ensure_bundled(REAL).path, ROOT / "configs" / "adapters" / "obedient", torch.float32)


def main() -> int:
    """Print the table; with ``--check``, 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", type=Path, help="a page, whose tables are those of this run from here on")
    parser.add_argument("--only", default="", help="one architecture, or real")
    options = parser.parse_args()
    work_as_a_host()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["TQDM_DISABLE"] = "1"
    began = time.monotonic()
    found: list[Deviation] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(options.only, Path(folder)):
            torch.set_num_threads(1 if case.small else os.cpu_count() or 1)
            found += [each for check in CHECKS if check.applies(case) for each in check.deviations(case)]
    Console(width=150).print(_table(found))
    missed = [each for each in found if not each.held]
    for each in missed:
        print("MISSED", each)
    said = f"{len(found)} comparisons, {len(missed)} missed, {time.monotonic() - began:.0f} s"
    print(said)
    if options.write:
        options.write.write_text(_written(options.write.read_text("utf-8"), found, said), "utf-8")
    return int(options.check and bool(missed))


def _table(found: list[Deviation]) -> Table:
    """A row for each number; the columns are architectures and types."""
    columns = list(dict.fromkeys((each.case, each.dtype) for each in found))
    table = Table("technique", "number", "limit", *(f"{name}\n{dtype}" for name, dtype in columns))
    for key in dict.fromkeys((each.technique, each.quantity, each.limit) for each in found):
        own = {(e.case, e.dtype): e for e in found if (e.technique, e.quantity, e.limit) == key}
        cells = [_cell(own[column]) if column in own else "" for column in columns]
        table.add_row(key[0], key[1], f"{key[2]:g}", *cells)
    return table


def _written(page: str, found: list[Deviation], said: str) -> str:
    """The page with a table for each type between its marks."""
    tables = [f"{said}.\n"]
    for dtype in dict.fromkeys(each.dtype for each in found):
        own = [each for each in found if each.dtype == dtype]
        names = list(dict.fromkeys(each.case for each in own))
        tables.append(f"### {dtype}\n\n| technique | number | {' | '.join(names)} |\n|{'---|' * (2 + len(names))}")
        for technique, quantity in dict.fromkeys((each.technique, each.quantity) for each in own):
            at = {e.case: e for e in own if (e.technique, e.quantity) == (technique, quantity)}
            cells = [f"{_cell(at[name])} of {at[name].most:.2g}" if name in at else "" for name in names]
            tables.append(f"| {technique} | {quantity} | {' | '.join(cells)} |")
        tables.append("")
    before, after = page.split("<!-- tables -->\n")[0], page.split("<!-- end -->")[1]
    return f"{before}<!-- tables -->\n{chr(10).join(tables)}<!-- end -->{after}"


def _cell(each: Deviation) -> str:
    plain = "" if each.dtype == "float32" else f" ({each.plain:.1g})"
    return f"{each.ours:.1g}{plain}{'' if each.held else ' !'}"


if __name__ == "__main__":
    sys.exit(main())
