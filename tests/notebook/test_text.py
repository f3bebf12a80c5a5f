from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_bench_ext.notebook import text
from interp_bench_ext.notebook.text import TerminalText
from interp_bench_ext.output_filter.text import clean_text, shorten

LETTERS = st.text(alphabet="ab \n\r\b", max_size=60)


def jupyterlab(source: str) -> str:
    """JupyterLab 4.6's ``processText``, character by character."""
    shown, cursor = "", 0
    for character in source:
        if character == "\b":
            if cursor > 0 and shown[cursor - 1] != "\n":
                shown = shown[: cursor - 1] + shown[cursor + 1 :]
                cursor -= 1
        elif character == "\r":
            cursor = shown.rfind("\n", 0, cursor) + 1
        elif character == "\n":
            shown += "\n"
            cursor = len(shown)
        else:
            shown = shown[:cursor] + character + shown[cursor + 1 :]
            cursor += 1
    return shown


def folded(pieces: list[str], *, limit: int = 10_000) -> str:
    stream = TerminalText(limit)
    for piece in pieces:
        stream.write(piece)
    return stream.text


@given(LETTERS)
def test_shows_what_jupyterlab_shows(source: str) -> None:
    assert folded([source]) == jupyterlab(source)


@given(st.lists(LETTERS, max_size=8), st.sampled_from([10, 40, 10_000]))
def test_any_chunking_folds_to_the_same_text(pieces: list[str], limit: int) -> None:
    assert folded(pieces, limit=limit) == folded(["".join(pieces)], limit=limit)


@given(st.lists(LETTERS, max_size=8), st.sampled_from([1, 3, 8]))
def test_a_line_without_end_folds_alike_in_any_chunking(pieces: list[str], window: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "LINE_WINDOW", window)
        assert folded(pieces, limit=40) == folded(list("".join(pieces)), limit=40)


@given(st.lists(st.text(alphabet="ab\n", max_size=200), max_size=10))
def test_keeps_beginning_and_end(pieces: list[str]) -> None:
    whole, kept = "".join(pieces), folded(pieces, limit=100)
    if len(whole) <= 50:
        assert kept == whole
    assert kept.endswith(whole[-50:])
    assert len(kept) < 100 + 60


def test_says_how_much_was_left_out() -> None:
    kept = folded([("x" * 99 + "\n") * 1000] * 1000, limit=1000)
    assert re.search(r"\n\[… 100\.0 MB of output left out here …\]\n", kept)
    assert len(shorten("y" * 5000, 1000)) < 1100


def test_progress_bar_leaves_its_last_state() -> None:
    assert folded([f"\r{i:3d}%" for i in range(101)] + ["\n"]) == "100%\n"


def test_lone_surrogates_are_replaced() -> None:
    clean_text("a\ud800b").encode("utf-8")
