from __future__ import annotations

import io
import sys
from contextlib import suppress

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from interp_bench_ext.kernel.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def opened(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> None:
    """Make ``stream`` the place where a process outside of notebooks says how far it is."""
    InteractiveShell.clear_instance()
    monkeypatch.setattr(sys, "stderr", stream)


def lines(terminal: Terminal) -> list[str]:
    return [line.removesuffix("\x1b[K") for line in terminal.getvalue().split("\r")[1:]]


def test_a_quick_call_shows_nothing(monkeypatch: pytest.MonkeyPatch):
    opened(monkeypatch, terminal := Terminal())
    with Progress("lens") as progress:
        progress.update("reading", 1, 2)
    assert terminal.getvalue() == ""


def test_a_slow_one_shows_how_far_it_is_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch):
    opened(monkeypatch, terminal := Terminal())
    with Progress("lens", show_after_s=0) as progress:
        progress.update("reading", 64, 1000)
    assert lines(terminal) == ["lens: reading 64 of 1,000 (6 %), 0 s", ""]


def test_what_is_not_known_is_not_said(monkeypatch: pytest.MonkeyPatch):
    opened(monkeypatch, terminal := Terminal())
    with Progress("lens", show_after_s=0) as progress:
        progress.waiting("the organism restarts " + "x" * 200)
    assert lines(terminal)[0].startswith("lens: the organism restarts xxx")
    assert len(lines(terminal)[0]) < 80
    with Progress("lens", show_after_s=0) as progress:
        progress.update("reading", 7, 0)
    assert lines(terminal)[2] == "lens: reading 7, 0 s"


def test_it_does_not_flicker(monkeypatch: pytest.MonkeyPatch):
    opened(monkeypatch, terminal := Terminal())
    with Progress("lens", show_after_s=0) as progress:
        for done in range(1_000):
            progress.update("reading", done, 1_000)
    assert len(lines(terminal)) < 10


def test_an_error_clears_the_line_and_goes_on(monkeypatch: pytest.MonkeyPatch):
    opened(monkeypatch, terminal := Terminal())
    with suppress(ValueError), Progress("lens", show_after_s=0) as progress:
        progress.waiting("x")
        raise ValueError
    assert lines(terminal)[-1] == ""


def test_where_nobody_looks_it_says_nothing(monkeypatch: pytest.MonkeyPatch):
    opened(monkeypatch, stream := io.StringIO())
    with Progress("lens", show_after_s=0) as progress:
        progress.update("reading", 1, 2)
    assert stream.getvalue() == ""


def test_in_a_notebook_it_is_one_display_that_ends_as_nothing():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.kernel = object()
    try:
        with capture_output() as captured, Progress("lens", show_after_s=0) as progress:
            progress.update("<reading>", 1, 4)
    finally:
        InteractiveShell.clear_instance()
    first, last = captured.outputs
    assert first.data["text/plain"].startswith("lens: <reading> 1 of 4 (25 %)")
    assert "&lt;reading&gt;" in first.data["text/html"]
    assert '<progress value="1" max="4"' in first.data["text/html"]
    assert first.metadata == {
        "interp_bench": {"progress": {"what": "lens", "stage": "<reading>", "done": 1, "total": 4}}
    }
    assert (last.data, last.metadata, last.update) == ({}, {}, True)
    assert first.transient == last.transient
