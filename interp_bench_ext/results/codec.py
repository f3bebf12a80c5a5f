"""Results on the wire: a JSON header and the bytes of the arrays, no pickle."""

from __future__ import annotations

import functools
import math
import typing
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OrganismError
from .kit.result import Floats, Ints, Result
from .registry import result_types

Buffer = memoryview | bytes | bytearray
_DTYPES: dict[Any, np.dtype[Any]] = {Floats: np.dtype("<f4"), Ints: np.dtype("<i8")}
_ALIGNMENT = 8


def encode(result: Result) -> tuple[dict[str, Any], list[memoryview]]:
    """The JSON header of ``result`` and the ``header["nbytes"]`` bytes that follow it; arrays are not copied.

    Raises ``TypeError``, naming the field, when a technique put something else there than its type says.
    """
    kind = type(result)
    if result_types().get(kind.__name__) is not kind:
        known = ", ".join(result_types())
        raise TypeError(f"a technique returns one of {known}, not {kind.__module__}.{kind.__qualname__}")
    plain: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    buffers: list[memoryview] = []
    size = 0
    for name, hint in _hints(kind.__name__).items():
        value, where = getattr(result, name), f"{kind.__name__}.{name}"
        if hint not in _DTYPES:
            plain[name] = _checked(value, hint, where)
            continue
        array = _as_array(value, _DTYPES[hint], where)
        if padding := -size % _ALIGNMENT:
            buffers.append(memoryview(bytes(padding)))
            size += padding
        arrays[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "offset": size}
        buffers.append(array.reshape(-1).view(np.uint8).data)
        size += array.nbytes
    return {"type": kind.__name__, "fields": plain, "arrays": arrays, "nbytes": size}, buffers


def decode(header: dict[str, Any], buffer: Buffer) -> Result:
    """The result that :func:`encode` wrote; its arrays are read-only views of ``buffer``.

    Raises :class:`OrganismError` when header and buffer do not fit together or the type is not known.
    """
    try:
        kind = result_types().get(header["type"])
        if kind is None:
            raise ValueError(f"the type {header['type']!r} is not known here")
        if header["nbytes"] != len(buffer):
            raise ValueError(f"{header['nbytes']} bytes were announced and {len(buffer)} came")
        values: dict[str, Any] = {}
        for name, hint in _hints(kind.__name__).items():
            if hint in _DTYPES:
                values[name] = _view(header["arrays"][name], _DTYPES[hint], buffer, name)
            else:
                values[name] = _checked(header["fields"][name], hint, name)
        return kind(**values)
    except KeyError as error:
        raise OrganismError(f"the organism sent a result that cannot be read: {error} is missing") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise OrganismError(f"the organism sent a result that cannot be read: {error}") from None


@functools.cache
def _hints(kind: str) -> dict[str, Any]:
    return typing.get_type_hints(result_types()[kind])


def _as_array(value: object, dtype: np.dtype[Any], where: str) -> NDArray[Any]:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise TypeError(f"{where} is a numpy array of numbers, not {type(value).__name__}")
    array: NDArray[Any] = np.ascontiguousarray(value, dtype=dtype)
    return array


def _view(spec: dict[str, Any], dtype: np.dtype[Any], buffer: Buffer, name: str) -> NDArray[Any]:
    if np.dtype(spec["dtype"]) != dtype:
        raise ValueError(f"{name} has dtype {spec['dtype']}, not {dtype.str}")
    shape = tuple(_checked(spec["shape"], tuple[int, ...], f"the shape of {name}"))
    if any(extent < 0 for extent in shape):
        raise ValueError(f"{name} has the shape {shape}")
    count = math.prod(shape)
    array: NDArray[Any] = np.empty(0, dtype)
    if count:
        array = np.frombuffer(buffer, dtype, count=count, offset=spec["offset"])
    array = array.reshape(shape)
    array.flags.writeable = False
    return array


@functools.cache
def _item_hint(hint: Any) -> Any:
    """What a tuple of this type holds; None for what is no tuple."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else None


def _checked(value: Any, hint: Any, where: str) -> Any:
    """``value`` as ``hint`` says, lists having become tuples and numpy's integers Python's."""
    item_hint = _item_hint(hint)
    if item_hint is not None:
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"{where} is a tuple, not {type(value).__name__}")
        if all(type(item) is item_hint for item in value):
            return tuple(value)
        return tuple(_checked(item, item_hint, where) for item in value)
    if hint is int and isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise TypeError(f"{where} holds {hint.__name__}, not {type(value).__name__}")
    return value
