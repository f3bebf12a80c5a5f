"""Collects what came of the attempts, wherever they stand in tests/, and shows the table at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from .suite import PROPERTY, Trial, dumped, loaded, row_of
from .table import counts, good, markdown, together

_FOLDER = Path(__file__).parent
TRIAL = pytest.StashKey[Trial]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--redteam-json", type=Path, help="write the red-team suite's rows to this file")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marker = item.get_closest_marker("redteam")
        if marker is not None and item.path.is_relative_to(_FOLDER) and not marker.kwargs["short"]:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    marker = item.get_closest_marker("redteam")
    over = report.when == "call" or (report.when == "setup" and not report.passed)
    if marker is not None and over:
        trial = item.stash.get(TRIAL, None)
        row = row_of(marker, trial=trial, passed=report.passed, skipped=report.skipped)
        report.user_properties.append((PROPERTY, dumped(row)))
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = together(
        loaded(value)
        for outcome in ("passed", "failed", "skipped", "error")
        for report in terminalreporter.getreports(outcome)
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY
    )
    if not rows:
        return
    target: Path | None = config.getoption("--redteam-json")
    if target is not None:
        target.write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
    terminalreporter.section("red team")
    bad = [row for row in rows if not good([row])]
    if bad or target is not None:
        terminalreporter.write_line(markdown(bad if target is None else rows))
    terminalreporter.write_line(counts(rows))
