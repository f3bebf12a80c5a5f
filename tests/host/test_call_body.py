from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from interp_bench_ext.contracts import LARGEST_CALL_BYTES, TOO_LARGE_A_CALL
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.call_body import CallBody, parsed, received


def body(announced: str | None, *pieces: bytes) -> tuple[bytes, int]:
    """The body, and how many of its pieces were read."""
    read = 0

    async def come() -> AsyncIterator[bytes]:
        nonlocal read
        for piece in pieces:
            read += 1
            yield piece

    async def main() -> bytes:
        return await received(announced, come())

    try:
        return asyncio.run(main()), read
    except BadInput as error:
        return error.message.encode(), read


def test_pieces_come_together():
    assert body("4", b"ab", b"cd") == (b"abcd", 2)
    assert body(None, b"ab") == (b"ab", 1)


@pytest.mark.parametrize("announced", [str(LARGEST_CALL_BYTES + 1), "-1", "4.0", "", "\u00b2", "x", "9" * 5_000])
def test_what_is_announced_as_too_large_or_as_no_number_is_not_read(announced: str):
    assert body(announced, b"ab") == (TOO_LARGE_A_CALL.encode(), 0)


def test_what_goes_on_beyond_what_was_announced_is_read_no_further():
    half = bytes(LARGEST_CALL_BYTES // 2 + 1)
    assert body("4", half, half, half) == (TOO_LARGE_A_CALL.encode(), 2)


def test_a_call_is_a_technique_its_arguments_and_a_time():
    call = asyncio.run(parsed(b'{"technique": "chat", "arguments": {"n": 2}, "deadline_s": 3}'))
    assert call == CallBody(technique="chat", arguments={"n": 2}, deadline_s=3)
    assert asyncio.run(parsed(b'{"technique": "chat"}')).arguments == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "The call's body is wrong: "),
        (b"\xff", "The call's body is wrong: "),
        (b"[]", "The call's body is wrong: "),
        (b"{}", "`technique`: field required"),
        (b'{"technique": 7}', "`technique`: input should be a valid string"),
        (b'{"technique": "x", "more": 1}', "`more`: extra inputs are not permitted"),
        (b'{"technique": "x", "deadline_s": 0}', "`deadline_s`: input should be greater than 0"),
        (b'{"technique": "x", "arguments": ' + b"[" * 5_000, "The call's body is wrong: "),
        (b'{"technique": "x", "arguments": {"a": [' + b"1," * 200_000, "The call holds about 200,"),
    ],
)
def test_what_is_no_call_is_one_sentence(text: bytes, said: str):
    with pytest.raises(BadInput) as caught:
        asyncio.run(parsed(text))
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300
