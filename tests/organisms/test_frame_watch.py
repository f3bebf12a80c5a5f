from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from interp_bench_ext.host.frames import frame_head, json_frame
from interp_bench_ext.organisms.frame_watch import STILL_THERE, FrameWatch, last_after

WAIT = json_frame(b"P", {"stage": "queue", "done": 0, "total": 0})
RESULT = json_frame(b"H", {"type": "x"}) + frame_head(b"B", 0)


@pytest.mark.parametrize("size", [1, 2, 7, 9, 10, 1000])
def test_a_result_is_noticed_however_the_frames_are_cut(size: int) -> None:
    watch = FrameWatch()
    for stream, begun in ((WAIT + STILL_THERE + WAIT, False), (RESULT, True)):
        for at in range(0, len(stream), size):
            watch.feed(stream[at : at + size])
        assert watch.begun is begun
        assert watch.between


def test_a_frame_that_is_not_whole_is_no_place_to_begin_another() -> None:
    watch = FrameWatch()
    watch.feed(WAIT[:-1])
    assert not watch.between
    watch.feed(WAIT[-1:] + WAIT[:4])
    assert not watch.between


def test_what_is_settled_is_settled_before_the_end_of_a_result_and_progress_is_not_held_back() -> None:
    seen: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (WAIT, RESULT[:5], RESULT[5:20], RESULT[20:]):
            seen.append("made")
            yield piece

    async def settle() -> None:
        seen.append("settled")

    async def read() -> bytes:
        read = b""
        async for piece in last_after(pieces(), settle):
            seen.append("read")
            read += piece
        return read

    assert asyncio.run(read()) == WAIT + RESULT
    assert seen == ["made", "read", "made", "read", "made", "made", "read", "settled", "read"]
