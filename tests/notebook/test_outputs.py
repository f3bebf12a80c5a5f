from __future__ import annotations

from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_bench_ext.notebook.outputs import Limits, OutputBook
from interp_bench_ext.output_filter.cleaner import Cleaner
from interp_bench_ext.output_filter.messages import MessageFilter
from tests.output_filter.test_wire import parts


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"msg_type": "stream", "content": {"name": name, "text": text}}


def display(text: str, *, kind: str = "display_data", id: str | None = None, **more: Any) -> dict[str, Any]:
    transient = {} if id is None else {"display_id": id}
    content = {"data": {"text/plain": text}, "metadata": {}, "transient": transient, **more}
    return {"msg_type": kind, "content": content}


def clear(*, wait: bool) -> dict[str, Any]:
    return {"msg_type": "clear_output", "content": {"wait": wait}}


def fold(*messages: dict[str, Any], limits: Limits | None = None) -> list[dict[str, Any]]:
    book = OutputBook(limits or Limits())
    book.start("c")
    for message in messages:
        book.apply("c", message)
    return book.cell("c").outputs()


def texts(outputs: list[dict[str, Any]]) -> list[str]:
    return [output["text"] if "text" in output else output["data"]["text/plain"] for output in outputs]


def test_streams_merge_by_name_while_they_follow_each_other() -> None:
    outputs = fold(stream("a"), stream("b"), stream("e", "stderr"), stream("c"))
    assert [(output["name"], output["text"]) for output in outputs] == [
        ("stdout", "ab"),
        ("stderr", "e"),
        ("stdout", "c"),
    ]


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ([stream("a"), clear(wait=False)], []),
        ([stream("a"), clear(wait=True)], ["a"]),
        ([stream("a"), clear(wait=True), stream("b"), stream("c")], ["bc"]),
        ([display("a"), clear(wait=True), clear(wait=False), stream("b")], ["b"]),
    ],
)
def test_clear_output(messages: list[dict[str, Any]], shown: list[str]) -> None:
    assert texts(fold(*messages)) == shown


def test_update_reaches_every_display_with_the_id_also_in_earlier_cells() -> None:
    book = OutputBook()
    book.start("one")
    book.apply("one", display("old", id="d"))
    book.start("two")
    book.apply("two", stream("x"))
    assert book.apply("two", display("mid", id="d")) == {"one", "two"}
    assert book.apply("two", display("new", kind="update_display_data", id="d")) == {"one", "two"}
    assert texts(book.cell("one").outputs()) == ["new"]
    assert texts(book.cell("two").outputs()) == ["x", "new"]


def test_update_of_an_unknown_or_cleared_display_shows_nothing() -> None:
    update = display("new", kind="update_display_data", id="d")
    assert fold(update) == []
    assert fold(display("old", id="d"), clear(wait=False), update) == []


def test_changes_are_told_once() -> None:
    book = OutputBook()
    cell = book.start("c")
    book.apply("c", stream("a"))
    assert cell.changes() == (False, [(0, {"output_type": "stream", "name": "stdout", "text": "a"})])
    assert cell.changes() == (False, [])
    book.apply("c", clear(wait=False))
    assert cell.changes() == (True, [])


def test_text_budget_holds_for_the_whole_cell() -> None:
    limits = Limits(text=1000, late_stream=100, outputs=50)
    pairs = [stream("o" * 5000), stream("e" * 5000, "stderr")] * 100
    outputs = fold(*pairs, limits=limits)
    assert len(outputs) == 50
    assert sum(map(len, texts(outputs))) < 1000 + 50 * 200
    assert "more outputs left out" in outputs[-1]["text"]


def test_an_error_is_shown_even_after_too_many_outputs() -> None:
    error = {"msg_type": "error", "content": {"ename": "E", "evalue": "v", "traceback": ["t"]}}
    outputs = fold(*[display(str(i)) for i in range(20)], error, limits=Limits(outputs=5))
    assert outputs[-1] == {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["t"]}


def test_images_stay_whole_and_too_large_ones_are_named() -> None:
    limits = Limits(media=1000, all_media=2500)
    message = display("<Figure>")
    message["content"]["data"] |= {"image/png": "A" * 900, "text/html": "B" * 1500}
    outputs = fold(message, message, message, limits=limits)
    assert outputs[0]["data"]["image/png"] == "A" * 900
    assert "text/html" not in outputs[0]["data"]
    assert "text/html of 1.5 kB left out" in outputs[0]["data"]["text/plain"]
    assert "image/png" not in outputs[2]["data"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = ["stream", "display_data", "execute_result", "update_display_data", "error", "clear_output", "comm_msg"]
KEYS = ["name", "text", "data", "metadata", "transient", "ename", "evalue", "traceback", "wait"]
BUNDLE = st.dictionaries(st.sampled_from(["text/plain", "application/json", "a+json", "image/png"]), JSON)
CONTENT = st.dictionaries(st.sampled_from(KEYS), JSON | BUNDLE)


@given(st.lists(st.tuples(st.sampled_from(KINDS), CONTENT), max_size=8))
def test_whatever_a_hostile_kernel_sends_the_notebook_stays_valid(messages: list[tuple[str, Any]]) -> None:
    with Cleaner() as cleaner:
        published = [MessageFilter(cleaner).published(parts(kind, content)) for kind, content in messages]
    outputs = fold(*(message for message in published if message is not None))
    cell = {"cell_type": "code", "id": "c", "metadata": {}, "source": "", "execution_count": None}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{**cell, "outputs": outputs}]}
    nbformat.validate(nbformat.from_dict(notebook))
    nbformat.writes(nbformat.from_dict(notebook)).encode("utf-8")


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text("ab\n\r", max_size=9)), max_size=8))
def test_any_chunking_of_the_same_streams_folds_to_the_same_outputs(pieces: list[tuple[str, str]]) -> None:
    pieces = [(name, text) for name, text in pieces if text]
    whole = [stream(text, name) for name, text in pieces]
    single = [stream(character, name) for name, text in pieces for character in text]
    limits = Limits(text=20, late_stream=4, outputs=4)
    assert fold(*whole, limits=limits) == fold(*single, limits=limits)
