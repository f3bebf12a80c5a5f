from __future__ import annotations

import json
import socket
import struct
import threading

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Edit, Reads, Row, Site
from interp_bench_ext.methods.channel import Channel, Closed, Malformed


def sent(content: object) -> object:
    one, other = socket.socketpair()
    with one, other:
        sender = threading.Thread(target=Channel(one).send, args=(content,))
        sender.start()
        found = Channel(other).receive()
        sender.join()
    return found


def received(data: bytes) -> object:
    one, other = socket.socketpair()
    with other:
        with one:
            one.sendall(data)
        return Channel(other).receive()


def message(content: object, tensors: bytes = b"") -> bytes:
    text = json.dumps(content).encode()
    return struct.pack(">QQ", len(text), len(tensors)) + text + tensors


def test_what_is_sent_arrives_as_it_was() -> None:
    edit = Edit(Site(1, "head", 2), range(0, 4), "set", torch.arange(6.0).reshape(2, 3))
    row = Row((1, 2), "base", (edit,))
    found = sent({"a": [1, 2.5, None, True, "é"], "row": row, ("k", 1): (np.float32(2.0), np.arange(3)), "r": Reads()})
    assert found["a"] == [1, 2.5, None, True, "é"]
    assert found["r"] == Reads()
    assert (found["row"].ids, found["row"].arm) == ((1, 2), "base")
    (back,) = found["row"].edits
    assert (back.site, back.positions, back.op) == (edit.site, edit.positions, edit.op)
    assert torch.equal(back.value, edit.value)
    assert found[("k", 1)][0] == 2.0
    assert found[("k", 1)][1].tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool])
def test_tensors_keep_their_dtype_and_do_not_share_memory(dtype: torch.dtype) -> None:
    given = torch.ones(2, 0, 3).to(dtype), torch.tensor([[1, 0], [0, 1]]).to(dtype)
    found = sent([torch.ones(1, dtype=torch.uint8), *given])
    assert all(torch.equal(one, other) and one.dtype == dtype for one, other in zip(found[1:], given, strict=True))


@pytest.mark.parametrize("wrong", [object(), {1, 2}, b"bytes", np.array(["a"]), torch.ones(1, dtype=torch.complex64)])
def test_what_has_no_place_in_a_message_is_refused(wrong: object) -> None:
    one, other = socket.socketpair()
    with one, other, pytest.raises(TypeError):
        Channel(one).send(wrong)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">QQ", 1 << 40, 0),
        struct.pack(">QQ", 2, 1 << 60),
        struct.pack(">QQ", 3, 0) + b"\xff\xfe\xfd",
        message({"unknown": 1}),
        message({}),
        message([1]),
        message({"kind": "Path", "fields": {}}),
        message({"kind": "Row", "fields": {"nothing": 1}}),
        message({"tensor": {"dtype": "float32", "shape": [4], "at": 0}}, b"abc"),
        message({"tensor": {"dtype": "float32", "shape": [-1], "at": 0}}, b"abcd"),
        message({"tensor": {"dtype": "float32", "shape": [1], "at": -4}}, b"abcd"),
        message({"tensor": {"dtype": "object", "shape": [1], "at": 0}}, b"abcd"),
        b"[" * 10,
    ],
)
def test_what_is_no_message_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises((Malformed, Closed)):
        received(data)


def test_nesting_is_bounded() -> None:
    content: object = 1
    for _ in range(60):
        content = {"list": [content]}
    with pytest.raises(Malformed):
        received(message(content))


def test_waiting_ends_when_the_check_raises() -> None:
    one, other = socket.socketpair()

    def check() -> None:
        raise KeyError("time is up")

    with one, other, pytest.raises(KeyError):
        Channel(one).receive(check)
