"""A kernel's messages with known fields only: what its outputs, its state and its answers may say, and how much."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from . import limits
from .bundles import BundleFilter, metadata
from .cleaner import Cleaner
from .text import clean_text, shorten, size
from .wire import Json, Parts, read, stream_text

Message = Json
"""As jupyter_client makes them: ``header``, ``msg_id``, ``msg_type``, ``parent_header``, ``metadata``, ``content``."""
Raw = msgspec.Raw
_NO_JSON = Raw(b"{}")
_DISPLAY_ID = 256
_LARGEST_COUNT = 2**31
_TRACE_LINES = 2000
_WORD = 64


class _Transient(msgspec.Struct):
    display_id: str | None = None


class _Display(msgspec.Struct):
    data: Raw = _NO_JSON
    metadata: Raw = _NO_JSON
    transient: Raw = _NO_JSON
    execution_count: Raw = Raw(b"null")


class _Error(msgspec.Struct):
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []


class _Clear(msgspec.Struct):
    wait: bool = False


class _Status(msgspec.Struct):
    execution_state: str = ""


class _Input(msgspec.Struct):
    code: str = ""
    execution_count: int | None = None


class MessageFilter:
    """What a kernel publishes, message by message. Cleaning markup and drawing take time: call it in a thread."""

    def __init__(self, cleaner: Cleaner) -> None:
        self.bundles = BundleFilter(cleaner)
        self._kinds: dict[str, Callable[[Parts], Json | None]] = {
            "display_data": self._display,
            "update_display_data": self._display,
            "execute_result": self._display,
            "error": _error,
            "clear_output": lambda parts: _plain(_Clear, parts),
            "status": _status,
            "execute_input": _input,
        }

    def published(self, parts: Parts) -> Message | None:
        """What may be passed on of a message on iopub; None for nothing."""
        if parts.kind == "stream":
            said = stream_text(parts)
            content = None if said is None else {"name": said[0][:_WORD], "text": clean_text(said[1])}
        elif parts.kind in self._kinds:
            content = self._kinds[parts.kind](parts)
        else:
            return None
        return message(parts, content) if content is not None else left_out(parts)

    def _display(self, parts: Parts) -> Json | None:
        found: _Display | None = read(_Display, parts.content, limits.DISPLAY)
        if found is None:
            return None
        content: Json = {"data": self.bundles.data(bytes(found.data)), "metadata": metadata(bytes(found.metadata))}
        transient = read(_Transient, bytes(found.transient), limits.METADATA)
        display_id = transient.display_id if transient is not None else None
        named = display_id is not None and len(display_id) <= _DISPLAY_ID
        content["transient"] = {"display_id": display_id} if named else {}
        if parts.kind == "execute_result":
            content["execution_count"] = count(read(int, bytes(found.execution_count)))
        return content


def message(parts: Parts, content: Json, *, kind: str | None = None, about: Json | None = None) -> Message:
    """The message of ``parts`` with another content."""
    header = parts.header.plain() | ({"msg_type": kind} if kind else {})
    return {
        "header": header,
        "msg_id": header.get("msg_id", ""),
        "msg_type": header.get("msg_type", ""),
        "parent_header": parts.parent.plain(),
        "metadata": about or {},
        "content": content,
        "buffers": [],
    }


def count(number: object) -> int | None:
    """An execution count that is one."""
    return number if isinstance(number, int) and 0 <= number < _LARGEST_COUNT else None


def left_out(parts: Parts) -> Message | None:
    """What stands in the place of an output that cannot be read; None for what would show nothing."""
    if parts.kind not in ("stream", "display_data", "update_display_data", "execute_result", "error"):
        return None
    note = f"[… an output of {size(parts.length)} left out: it is too large, or is no valid message …]\n"
    return message(parts, {"name": "stderr", "text": note}, kind="stream")


def _plain(kind: type[msgspec.Struct], parts: Parts) -> Json | None:
    found = read(kind, parts.content)
    return None if found is None else msgspec.structs.asdict(found)


def _status(parts: Parts) -> Json | None:
    content = _plain(_Status, parts)
    return None if content is None else {"execution_state": str(content["execution_state"])[:_WORD]}


def _input(parts: Parts) -> Json | None:
    content = _plain(_Input, parts)
    if content is not None:
        content["execution_count"] = count(content["execution_count"])
    return content


def _error(parts: Parts) -> Json | None:
    found: _Error | None = read(_Error, parts.content)
    if found is None:
        return None
    lines = found.traceback
    if len(lines) > _TRACE_LINES:
        half = _TRACE_LINES // 2
        lines = [*lines[:half], f"[… {len(lines) - 2 * half} lines left out …]", *lines[-half:]]
    return {
        "ename": shorten(clean_text(found.ename), 1024),
        "evalue": clean_text(found.evalue),
        "traceback": [clean_text(line) for line in lines],
    }
