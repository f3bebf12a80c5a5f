"""How far a reply has come that is passed on piece by piece, wherever its frames are cut."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from ..host.frames import HEAD_BYTES, json_frame

STILL_THERE = json_frame(b"W", {})
"""A frame that says nothing else, from one who passes a reply on; kernels do not heed it."""
_NO_RESULT = (b"P", b"W")


class FrameWatch:
    """Fed with the reply's bytes in order. A call may be made once more as long as no result has begun."""

    begun = False
    """Whether any of the result, or an error, was seen."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        """Bytes of the current frame's payload that are still to come."""

    @property
    def between(self) -> bool:
        """Whether the next byte begins a frame."""
        return not self._head and not self._left

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        at = 0
        while at < len(piece):
            if self._left:
                step = min(self._left, len(piece) - at)
                self._left -= step
                at += step
                continue
            taken = piece[at : at + HEAD_BYTES - len(self._head)]
            self._head += taken
            at += len(taken)
            if len(self._head) == HEAD_BYTES:
                self.begun = self.begun or self._head[:1] not in _NO_RESULT
                self._left, self._head = int.from_bytes(self._head[1:], "big"), b""


async def last_after(
    pieces: AsyncIterator[bytes], settle: Callable[[], Awaitable[None]]
) -> AsyncGenerator[bytes, None]:
    """The same pieces; ``settle`` is awaited before the last of a result, whose reader does not wait for more."""
    watch, held = FrameWatch(), b""
    async for piece in pieces:
        watch.feed(piece)
        if held:
            yield held
        held = piece if watch.begun else b""
        if not held:
            yield piece
    await settle()
    if held:
        yield held
