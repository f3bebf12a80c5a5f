"""Messages between a host and a method's process: JSON with tensors beside it, and no pickle.

A message is eight bytes of length of a JSON text, eight of length of what follows it (big-endian), and both. Either
side takes the other for hostile: sizes are bounded before they are read, and only known kinds of values are made.
"""

from __future__ import annotations

import contextlib
import json
import math
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch

from ..contracts import Completion, Edit, Reading, Reads, Row, Site

_HEAD = struct.Struct(">QQ")
_LARGEST_TEXT, _LARGEST_TENSORS = 1 << 26, 1 << 32
_LOOK_EVERY_S = 0.1
_MOST_DEPTH = 24
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float32,
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.uint8,
        torch.bool,
    )
}
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Site, Edit, Row, Reads, Reading, Completion)}


class Closed(Exception):
    """The other side has gone."""


class Malformed(Exception):
    """What came is no message."""


class Channel:
    """One connected socket; used from one thread, but for :meth:`close`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, content: Any, check: Callable[[], None] | None = None) -> None:
        """Raises ``TypeError`` for what cannot be sent, :class:`Closed`, and what ``check`` raises meanwhile."""
        tensors: list[torch.Tensor] = []
        text = json.dumps(_packed(content, tensors)).encode()
        parts = [memoryview(_bytes_of(tensor)) for tensor in tensors]
        head = _HEAD.pack(len(text), sum(len(part) for part in parts))
        for part in (memoryview(head + text), *parts):
            self._send(part, check)

    def _send(self, view: memoryview, check: Callable[[], None] | None) -> None:
        while len(view):
            self._wait(check, writing=True)
            try:
                view = view[self._connection.send(view[: 1 << 20]) :]
            except OSError:
                raise Closed from None

    def receive(self, check: Callable[[], None] | None = None) -> Any:
        """The next message. Raises :class:`Closed`, :class:`Malformed`, and what ``check`` raises meanwhile."""
        length, more = _HEAD.unpack(self._exactly(_HEAD.size, check))
        if length > _LARGEST_TEXT or more > _LARGEST_TENSORS:
            raise Malformed(f"a message of {length + more:,} bytes")
        text, tensors = self._exactly(length, check), self._exactly(more, check)
        try:
            return _unpacked(json.loads(text), tensors, 0)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError, RuntimeError) as error:
            raise Malformed(f"a message that cannot be read ({type(error).__name__})") from None

    def _exactly(self, count: int, check: Callable[[], None] | None) -> bytearray:
        read = bytearray(count)
        view = memoryview(read)
        while len(view):
            self._wait(check, writing=False)
            try:
                got = self._connection.recv_into(view)
            except OSError:
                raise Closed from None
            if not got:
                raise Closed
            view = view[got:]
        return read

    def _wait(self, check: Callable[[], None] | None, *, writing: bool) -> None:
        if check is None:
            return
        check()
        own = [self._connection]
        try:
            while not any(select.select([] if writing else own, own if writing else [], [], _LOOK_EVERY_S)):
                check()
        except (OSError, ValueError):  # closed meanwhile by another thread
            raise Closed from None

    def close(self) -> None:
        """Wake whoever waits for it, and end it."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def _bytes_of(tensor: torch.Tensor) -> bytes:
    raw: bytes = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return raw


def _packed(value: Any, tensors: list[torch.Tensor]) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return _packed(value.item(), tensors)
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, torch.Tensor):
        return {"tensor": _described(value, tensors)}
    if isinstance(value, range):
        return {"range": [value.start, value.stop, value.step]}
    if isinstance(value, (list, tuple)):
        return {"list" if isinstance(value, list) else "tuple": [_packed(item, tensors) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_packed(key, tensors), _packed(item, tensors)] for key, item in value.items()]}
    if is_dataclass(value) and _KINDS.get(type(value).__name__) is type(value):
        own = {field.name: _packed(getattr(value, field.name), tensors) for field in fields(value)}
        return {"kind": type(value).__name__, "fields": own}
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _described(tensor: torch.Tensor, tensors: list[torch.Tensor]) -> dict[str, Any]:
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise TypeError(f"a tensor of {name} cannot be sent")
    at = sum(other.nelement() * other.element_size() for other in tensors)
    tensors.append(tensor)
    return {"dtype": name, "shape": list(tensor.shape), "at": at}


def _unpacked(value: Any, tensors: bytearray, depth: int) -> Any:
    if depth > _MOST_DEPTH:
        raise ValueError("too deep")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError("no value")
    kind, content = next(iter(value.items()))
    return _MAKERS[kind](content, value, tensors, depth + 1)


def _tensor(content: Any, _whole: Any, tensors: bytearray, _depth: int) -> torch.Tensor:
    dtype, shape, at = _DTYPES[content["dtype"]], [int(size) for size in content["shape"]], int(content["at"])
    count = math.prod(shape)
    if any(size < 0 for size in shape) or at < 0 or at + count * dtype.itemsize > len(tensors):
        raise ValueError("a tensor that is not there")
    if not count:
        return torch.empty(shape, dtype=dtype)
    raw = torch.frombuffer(tensors, dtype=torch.uint8, count=count * dtype.itemsize, offset=at)
    return raw.clone().view(dtype).reshape(shape)  # a copy: each begins where its numbers may


def _range(content: Any, _whole: Any, _tensors: bytearray, _depth: int) -> range:
    return range(*(int(number) for number in content))


def _list(content: Any, _whole: Any, tensors: bytearray, depth: int) -> list[Any]:
    return [_unpacked(item, tensors, depth) for item in content]


def _tuple(content: Any, whole: Any, tensors: bytearray, depth: int) -> tuple[Any, ...]:
    return tuple(_list(content, whole, tensors, depth))


def _dict(content: Any, _whole: Any, tensors: bytearray, depth: int) -> dict[Any, Any]:
    return {_unpacked(key, tensors, depth): _unpacked(item, tensors, depth) for key, item in content}


def _dataclass(content: Any, whole: Any, tensors: bytearray, depth: int) -> Any:
    own = {str(name): _unpacked(item, tensors, depth) for name, item in whole["fields"].items()}
    return _KINDS[content](**own)


_MAKERS: dict[str, Callable[[Any, Any, bytearray, int], Any]] = {
    "tensor": _tensor,
    "range": _range,
    "list": _list,
    "tuple": _tuple,
    "dict": _dict,
    "kind": _dataclass,
}
