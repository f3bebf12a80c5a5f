from __future__ import annotations

import asyncio
import json
import socket
import struct

from interp_bench_ext.contracts import Access, Parameter, TechniqueSpec
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.frames import (
    HEAD_BYTES,
    described,
    error_frame,
    frame_head,
    joined,
    json_frame,
    pieces,
    widen,
)


def read(frame: bytes) -> tuple[bytes, object]:
    """As a caller reads it."""
    kind, length = struct.unpack(">cQ", frame[:HEAD_BYTES])
    assert len(frame) == HEAD_BYTES + length
    return kind, json.loads(frame[HEAD_BYTES:])


def test_a_frame_is_a_kind_a_length_and_a_payload():
    assert struct.unpack(">cQ", frame_head(b"B", 2**40)) == (b"B", 2**40)
    assert read(json_frame(b"P", {"stage": "é", "done": 1})) == (b"P", {"stage": "é", "done": 1})


def test_an_error_is_its_code_and_its_sentence_without_notes():
    error = BadInput("x is wrong")
    error.add_note("/sealed/umber-ferret")
    assert read(error_frame(error)) == (b"E", {"code": BadInput.code, "message": "x is wrong"})


def test_techniques_are_described_with_their_signature():
    chat = TechniqueSpec(
        name="chat", summary="Ask.", doc="Ask it.", access=Access.SAMPLE,
        parameters=(Parameter(name="n", type="int", default="1", help="How many."),),
    )  # fmt: skip
    [told] = json.loads(json.dumps(described([chat])))
    assert (told["name"], told["signature"], told["access"]) == ("chat", chat.signature, "sample")
    assert told["parameters"] == [{"name": "n", "type": "int", "default": "1", "help": "How many."}]


def test_a_large_part_goes_out_in_pieces_of_it_and_nothing_is_copied():
    array = bytearray(range(256)) * 65536
    cut = list(pieces(memoryview(array)))
    assert len(cut) > 1
    assert b"".join(cut) == array
    assert all(piece.obj is array for piece in cut)
    assert list(pieces(b"")) == []


def test_a_piece_is_taken_whole_before_anybody_reads():
    async def left_over() -> int:
        ours, theirs = socket.socketpair()
        with theirs:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, ours)
            widen(transport)
            transport.write(next(iter(pieces(bytes(1 << 24)))))
            left = transport.get_write_buffer_size()
            transport.abort()
            return left

    assert asyncio.run(left_over()) == 0


def test_small_parts_go_out_together_and_large_ones_as_they_are():
    large = memoryview(bytes(1 << 20))
    assert list(joined([b"a", b"bc", large, b"", b"d", memoryview(b"e")])) == [b"abc", large, b"de"]
    assert list(joined([b"a", b"bc", large]))[1] is large
    assert list(joined([])) == []
