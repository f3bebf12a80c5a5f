from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from interp_bench_ext.output_filter import limits
from interp_bench_ext.output_filter.bundles import BundleFilter
from interp_bench_ext.output_filter.cleaner import Cleaner
from interp_bench_ext.output_filter.replies import ReplyFilter
from tests.redteam.suite import attempt

from .test_wire import parts


@pytest.fixture(scope="module")
def replies() -> Iterator[ReplyFilter]:
    with Cleaner() as cleaner:
        yield ReplyFilter(BundleFilter(cleaner))


def answer(replies: ReplyFilter, kind: str, content: Any, **more: Any) -> dict[str, Any]:
    found = replies.reply(parts(kind, content, **more))
    assert found is not None
    return found["content"]


def test_a_pager_and_new_cells_do_not_pass(replies: ReplyFilter):
    payload = [
        {"source": "page", "data": {"text/html": "<script>"}},
        {"source": "set_next_input", "text": "rm"},
        {"source": "ask_exit", "keepkernel": True, "more": 1},
        7,
    ]
    content = answer(replies, "execute_reply", {"status": "ok", "execution_count": 2, "payload": payload})
    assert content == {
        "status": "ok", "execution_count": 2, "payload": [{"source": "ask_exit", "keepkernel": True}],
        "user_expressions": {},
    }  # fmt: skip


def test_values_of_expressions_are_filtered_as_outputs_are(replies: ReplyFilter):
    good = {"status": "ok", "data": {"text/plain": "1", "text/html": "<b onclick=x>1</b>"}, "metadata": {"m": 1}}
    bad = {"status": "error", "ename": "E", "evalue": "v", "traceback": ["x"]}
    content = answer(replies, "execute_reply", {"user_expressions": {"a": good, "b": bad, "c": [1]}})
    assert content["user_expressions"] == {
        "a": {"status": "ok", "data": {"text/plain": "1", "text/html": "<b>1</b>"}, "metadata": {}},
        "b": {"status": "error", "ename": "E", "evalue": "v", "traceback": []},
    }
    many = {f"x{number}": good for number in range(100)}
    assert len(answer(replies, "execute_reply", {"user_expressions": many})["user_expressions"]) == 64


def test_a_failed_cell_says_how_it_failed(replies: ReplyFilter):
    error = {"status": "error", "ename": "E", "evalue": "v", "traceback": ["t"]}
    content = answer(replies, "execute_reply", {**error, "execution_count": 1.5})
    assert {**content, **error} == content
    assert content["execution_count"] is None


def test_an_inspection_is_filtered_as_outputs_are(replies: ReplyFilter):
    inspected = {
        "status": "ok",
        "found": True,
        "data": {"text/html": "<script>x</script><i>y</i>"},
        "metadata": {"m": 1},
    }
    content = answer(replies, "inspect_reply", inspected)
    assert content == {"status": "ok", "found": True, "data": {"text/html": "<i>y</i>"}, "metadata": {}}


def test_what_a_browser_makes_text_of_passes_within_bounds(replies: ReplyFilter):
    completed = {"status": "ok", "matches": ["organism"], "cursor_start": 0}
    assert answer(replies, "complete_reply", completed) == completed
    large = {"status": "ok", "matches": ["x" * limits.OTHER_CONTENT]}
    assert answer(replies, "complete_reply", large) == {"status": "error"}


@attempt("F18", "browser", "A link in the help menu that a kernel makes runs a script", veil="any")
def test_what_a_kernel_says_of_itself_links_to_pages_only(replies: ReplyFilter):
    page, script = "https://docs.python.org", "javascript:alert(1)"
    about = {"status": "ok", "help_links": [{"text": "a", "url": script}]}
    control = {**about, "help_links": [{"text": "a", "url": page}, "x"]}
    assert answer(replies, "kernel_info_reply", about)["help_links"] == []
    assert answer(replies, "kernel_info_reply", control)["help_links"] == [{"text": "a", "url": page}]
    assert answer(replies, "kernel_info_reply", {**about, "help_links": 3})["help_links"] == []


@pytest.mark.parametrize("kind", ["execute_reply", "inspect_reply", "complete_reply"])
@pytest.mark.parametrize("content", [b"{", [1], b'"x"'])
def test_whoever_asked_is_answered_however_broken_it_is(replies: ReplyFilter, kind: str, content: Any):
    assert answer(replies, kind, content) == {"status": "error"}


def test_other_kinds_do_not_pass(replies: ReplyFilter):
    for kind in ("comm_msg", "debug_reply", "no_such_reply"):
        assert replies.reply(parts(kind, {"status": "ok"})) is None


def test_of_what_is_about_a_reply_the_known_passes(replies: ReplyFilter):
    found = replies.reply(parts("execute_reply", {"status": "ok"}, metadata={"status": "ok", "trusted": True}))
    assert found is not None
    assert found["metadata"] == {"status": "ok"}
