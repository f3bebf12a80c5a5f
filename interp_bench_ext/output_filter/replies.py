"""A kernel's answers on its other channels, which a browser shows too: pagers, inspections, values of expressions."""

from __future__ import annotations

import msgspec

from . import limits
from .bundles import BundleFilter
from .cleaner import LeftOut
from .messages import Message, count, message
from .wire import Json, Parts, bounded_json, read

Raw = msgspec.Raw
_NO_JSON = Raw(b"{}")
_PASSED_ON = frozenset(
    "kernel_info_reply comm_info_reply complete_reply is_complete_reply history_reply shutdown_reply "
    "interrupt_reply input_request create_subshell_reply delete_subshell_reply list_subshell_reply".split()
)
"""What a browser makes text of, or nothing."""
_VALUES = 64


class _About(msgspec.Struct, omit_defaults=True):
    started: str | None = None
    status: str | None = None
    engine: str | None = None
    dependencies_met: bool | None = None


class _Payload(msgspec.Struct):
    source: str = ""
    keepkernel: bool = False


class _Value(msgspec.Struct):
    status: str = ""
    data: Raw = _NO_JSON
    ename: str = ""
    evalue: str = ""


class _Executed(msgspec.Struct):
    status: str = ""
    execution_count: Raw = Raw(b"null")
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []
    payload: list[Raw] = []
    user_expressions: dict[str, Raw] = {}


class _Inspected(msgspec.Struct):
    status: str = ""
    found: bool = False
    data: Raw = _NO_JSON


class ReplyFilter:
    """What may be passed on of an answer, or of a question to a person."""

    def __init__(self, bundles: BundleFilter) -> None:
        self._bundles = bundles

    def reply(self, parts: Parts) -> Message | None:
        """The answer with known fields; None for what is none. One that is too large says that it failed."""
        if parts.kind == "execute_reply":
            content = self._executed(parts)
        elif parts.kind == "inspect_reply":
            content = self._inspected(parts)
        elif parts.kind in _PASSED_ON:
            content = _bounded(parts)
            if content is not None and "help_links" in content:
                content["help_links"] = [link for link in _listed(content["help_links"]) if _is_page(link)]
        else:
            return None
        about = read(_About, parts.metadata)
        known = {} if about is None else msgspec.to_builtins(about)
        # Whoever asked waits for an answer, however broken it is.
        return message(parts, {"status": "error"} if content is None else content, about=known)

    def _executed(self, parts: Parts) -> Json | None:
        found: _Executed | None = read(_Executed, parts.content)
        if found is None:
            return None
        # A pager's text and new cells would be outputs that nobody has asked for.
        payload = [entry for raw in found.payload[:_VALUES] if (entry := read(_Payload, bytes(raw))) is not None]
        values = {name: self._value(bytes(raw)) for name, raw in list(found.user_expressions.items())[:_VALUES]}
        content: Json = {
            "status": found.status,
            "execution_count": count(read(int, bytes(found.execution_count))),
            "payload": [msgspec.structs.asdict(entry) for entry in payload if entry.source == "ask_exit"],
            "user_expressions": {name: value for name, value in values.items() if value is not None},
        }
        if found.status == "error":
            content |= {"ename": found.ename, "evalue": found.evalue, "traceback": found.traceback}
        return content

    def _value(self, raw: bytes) -> Json | None:
        found: _Value | None = read(_Value, raw)
        if found is None:
            return None
        if found.status != "ok":
            return {"status": "error", "ename": found.ename, "evalue": found.evalue, "traceback": []}
        return {"status": "ok", "data": self._bundles.data(bytes(found.data)), "metadata": {}}

    def _inspected(self, parts: Parts) -> Json | None:
        found: _Inspected | None = read(_Inspected, parts.content)
        if found is None:
            return None
        data = self._bundles.data(bytes(found.data))
        return {"status": found.status, "found": found.found, "data": data, "metadata": {}}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _is_page(link: object) -> bool:
    """Whether an entry of a browser's help menu leads to a page, and not to a script."""
    return isinstance(link, dict) and str(link.get("url", "")).startswith(("https://", "http://"))


def _bounded(parts: Parts) -> Json | None:
    try:
        content = bounded_json(parts.content, limits.OTHER_CONTENT)
    except LeftOut:
        return None
    return content if isinstance(content, dict) else None
