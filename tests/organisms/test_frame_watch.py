from __future__ import annotations

import pytest

from interp_bench_ext.host.frames import frame_head, json_frame
from interp_bench_ext.organisms.frame_watch import FrameWatch

WAIT = json_frame(b"P", {"stage": "queue", "done": 0, "total": 0})
RESULT = json_frame(b"H", {"type": "x"}) + frame_head(b"B", 0)


@pytest.mark.parametrize("size", [1, 2, 7, 9, 10, 1000])
def test_a_result_is_noticed_however_the_frames_are_cut(size: int) -> None:
    watch = FrameWatch()
    for stream, begun in ((WAIT + WAIT, False), (RESULT, True)):
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
