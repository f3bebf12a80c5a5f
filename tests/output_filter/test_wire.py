from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from interp_bench_ext.output_filter import limits
from interp_bench_ext.output_filter.cleaner import Cleaner
from interp_bench_ext.output_filter.messages import MessageFilter
from interp_bench_ext.output_filter.wire import Parts, split, stream_text

KEY = b"the kernel's key"


@pytest.fixture(scope="module")
def messages() -> Iterator[MessageFilter]:
    with Cleaner() as cleaner:
        yield MessageFilter(cleaner)


def frames(
    kind: str, content: Any, *, key: bytes = KEY, metadata: Any = None, more: tuple[bytes, ...] = ()
) -> list[Any]:
    session = Session(key=key)
    message = session.msg(kind, content={}, metadata=metadata)
    packed = content if isinstance(content, bytes) else json.dumps(content).encode()
    parts = session.serialize({**message, "content": packed}, ident=b"topic")
    return [zmq.Frame(part) for part in [*parts, *more]]


def parts(kind: str, content: Any, **more: Any) -> Parts:
    found = split(frames(kind, content, **more), Session(key=KEY))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [b"topic"],
        [b"<IDS|MSG>"] * 7,
        [b"x"] * 20,
        [b"topic", b"<IDS|MSG>", b"", b"{}", b"{}", b"{}"],
        [b"topic", b"<IDS|MSG>", b"", b"[" * 60_000, b"{}", b"{}", b"{}"],
    ],
)
def test_what_is_no_message_is_none(broken: list[bytes]) -> None:
    assert split([zmq.Frame(frame) for frame in broken], Session(key=KEY)) is None


def test_a_message_with_another_key_is_none() -> None:
    assert split(frames("stream", {"text": "x"}, key=b"another"), Session(key=KEY)) is None


def test_a_message_is_made_anew_of_known_fields(messages: MessageFilter) -> None:
    content = {"name": "stdout", "text": "x", "more": [1]}
    passed = messages.published(parts("stream", content, metadata={"trusted": True}, more=(b"a buffer",)))
    assert passed is not None
    assert passed["content"] == {"name": "stdout", "text": "x"}
    assert (passed["metadata"], passed["buffers"]) == ({}, [])
    assert set(passed["header"]) <= {"msg_id", "msg_type", "username", "session", "date", "version"}


def test_of_a_very_long_text_beginning_and_end_are_read() -> None:
    text = "ü" + "a" * limits.DISPLAY + "é\\n"
    found = stream_text(parts("stream", {"name": "stderr", "text": text}))
    assert found is not None
    assert found[0] == "stderr"
    assert found[1].startswith("üaaa")
    assert found[1].endswith("aé\\n")
    assert "of output left out here" in found[1]
    assert len(found[1]) < 3 * limits.STREAM_KEPT


def test_surrogates_and_numbers_that_json_does_not_have_cost_nothing_else(messages: MessageFilter) -> None:
    content = b'{"data": {"text/plain": "a\\ud800b", "application/json": [NaN, 1]}, "metadata": {}}'
    passed = messages.published(parts("display_data", content))
    assert passed is not None
    assert passed["content"]["data"] == {"text/plain": "a?b", "application/json": [None, 1]}


@pytest.mark.parametrize("kind", ["stream", "display_data", "execute_result", "error"])
@pytest.mark.parametrize("content", [b"[1]", b"{", b'"x"', b'{"data": 1, "text": 1, "ename": 1}', b"[" * 50_000])
def test_an_output_that_cannot_be_read_becomes_a_line(messages: MessageFilter, kind: str, content: bytes) -> None:
    passed = messages.published(parts(kind, content))
    assert passed is not None
    said = passed["content"].get("text") or passed["content"]["data"]["text/plain"]
    assert "left out" in said
