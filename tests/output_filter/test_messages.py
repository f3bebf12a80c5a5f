from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from interp_bench_ext.output_filter.cleaner import Cleaner
from interp_bench_ext.output_filter.messages import MessageFilter, count

from .test_wire import parts


@pytest.fixture(scope="module")
def messages() -> Iterator[MessageFilter]:
    with Cleaner() as cleaner:
        yield MessageFilter(cleaner)


def passed(messages: MessageFilter, kind: str, content: Any) -> dict[str, Any] | None:
    found = messages.published(parts(kind, content))
    return None if found is None else found["content"]


def test_an_error_has_its_lines_and_not_too_many(messages: MessageFilter):
    content = passed(messages, "error", {"ename": "E" * 5_000, "evalue": "v", "traceback": ["x"] * 5_000})
    assert content is not None
    assert len(content["ename"]) < 1_200
    assert content["evalue"] == "v"
    assert len(content["traceback"]) == 2_001
    assert content["traceback"][1_000] == "[… 3000 lines left out …]"


@pytest.mark.parametrize(
    ("kind", "content", "known"),
    [
        ("status", {"execution_state": "busy", "more": 1}, {"execution_state": "busy"}),
        ("status", {"execution_state": "x" * 100}, {"execution_state": "x" * 64}),
        ("clear_output", {"wait": True, "more": 1}, {"wait": True}),
        ("execute_input", {"code": "1", "execution_count": 3}, {"code": "1", "execution_count": 3}),
        ("execute_input", {"code": "1", "execution_count": -3}, {"code": "1", "execution_count": None}),
        ("stream", {"name": "n" * 100, "text": "x"}, {"name": "n" * 64, "text": "x"}),
    ],
)
def test_of_each_kind_the_known_fields_pass(messages: MessageFilter, kind: str, content: Any, known: Any):
    assert passed(messages, kind, content) == known


@pytest.mark.parametrize("kind", ["comm_open", "comm_msg", "debug_event", "iopub_welcome", "no_such_kind"])
def test_other_kinds_do_not_pass(messages: MessageFilter, kind: str):
    assert passed(messages, kind, {"text": "x"}) is None


def test_a_state_that_cannot_be_read_shows_nothing(messages: MessageFilter):
    assert passed(messages, "status", [1]) is None
    assert passed(messages, "clear_output", b"{") is None


def test_a_result_is_counted_and_a_display_is_named(messages: MessageFilter):
    content = {"data": {"text/plain": "x"}, "execution_count": 7, "transient": {"display_id": "d", "more": 1}}
    shown = passed(messages, "execute_result", content)
    assert shown == {
        "data": {"text/plain": "x"}, "metadata": {}, "execution_count": 7, "transient": {"display_id": "d"}
    }  # fmt: skip
    for odd in ({"display_id": "d" * 300}, {"display_id": 7}, [1]):
        display = passed(messages, "update_display_data", {"data": {}, "transient": odd})
        assert display is not None
        assert display["transient"] == {}


@pytest.mark.parametrize(
    ("number", "counted"), [(0, 0), (7, 7), (-1, None), (2**31, None), (1.5, None), ("7", None), (None, None)]
)
def test_an_execution_count_is_one(number: object, counted: int | None):
    assert count(number) == counted
