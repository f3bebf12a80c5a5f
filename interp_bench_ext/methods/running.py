"""Run a method's source, and say what came of it: a result, or the lines of its own that failed."""

from __future__ import annotations

import importlib
import inspect
import linecache
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
import torch

from .. import results
from ..contracts import Completion, Edit, Reads, Row, Site
from ..results import Result, encode, result_types
from ..results.method_values import values_of
from .channel import Channel, Closed
from .organism import MethodOrganism

_LONGEST = 4_000
"""Characters of what is told of a failure."""


class Methods:
    """Those of one ticket, with what they keep between calls."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._state: dict[str, Any] = {}

    def serve(self) -> None:
        """One call after another, until the channel closes."""
        while True:
            self.answer_one()

    def answer_one(self) -> None:
        """The next call."""
        self._channel.send(self._outcome(self._channel.receive()))

    def _outcome(self, call: dict[str, Any]) -> dict[str, Any]:
        name, source = call["name"], call["source"]
        file = f"<{name}>"
        try:
            function = _defined(source, name, call["modules"], file)
            result = function(MethodOrganism(self._channel, self._state), **call["arguments"])
            return _sent(result, name)
        except Closed:
            raise
        except BaseException as error:  # noqa: BLE001 - the method's own code: it may even try to leave
            return {"failed": _told(error, file)[:_LONGEST]}


def _defined(source: str, name: str, modules: dict[str, str], file: str) -> Callable[..., Any]:
    """The function, with torch, numpy, the contracts' and the results' types, and the modules that it names."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__method__", "torch": torch, "np": np}
    names |= {kind.__name__: kind for kind in (Completion, Edit, Reads, Row, Site)}
    names |= {**result_types(), "results": results}
    names |= {known: importlib.import_module(module) for known, module in modules.items()}
    exec(compile(source, file, "exec"), names)
    function: Callable[..., Any] = names[name]
    return function


def _sent(result: Any, name: str) -> dict[str, Any]:
    if not isinstance(result, Result):
        result = values_of(result, name)
    header, buffers = encode(result)
    content = b"".join(buffers)
    return {"result": header, "arrays": torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else None}


def _told(error: BaseException, file: str) -> str:
    """The lines of the method, and what was raised; of nobody else's."""
    lines = [
        f"line {frame.lineno}, in {frame.name}: {(frame.line or '').strip()}"
        for frame in traceback.extract_tb(_own(error.__traceback__, file))
        if frame.filename == file
    ]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append(f"line {error.lineno}: {(error.text or '').strip()}")
    return "\n".join([*lines, f"{type(error).__name__}: {error}"])


def _own(trace: TracebackType | None, file: str) -> TracebackType | None:
    while trace is not None and inspect.getfile(trace.tb_frame) != file:
        trace = trace.tb_next
    return trace
