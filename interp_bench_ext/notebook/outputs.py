"""Folds a kernel's messages, filtered as they are, into the bounded outputs of a cell, as a front end does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..output_filter.text import shorten, size
from ..record.event import JsonDict
from .text import TerminalText

_STREAMS = ("stdout", "stderr")
_DISPLAYS = 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is kept of one cell's outputs, in characters."""

    text: int = 512 * 1024
    """All streams together: beginning and end."""
    late_stream: int = 4 * 1024
    """Of a further stream when the others have used up ``text``."""
    outputs: int = 256
    plain: int = 128 * 1024
    """Of one text representation, or of a traceback."""
    media: int = 8 * 1024 * 1024
    """Of one image, page of HTML or other representation."""
    all_media: int = 32 * 1024 * 1024


DEFAULT_LIMITS = Limits()


@dataclass
class _Stream:
    name: str
    text: TerminalText

    def output(self) -> JsonDict:
        return {"output_type": "stream", "name": self.name, "text": self.text.text}


@dataclass
class _Display:
    content: JsonDict
    size: int = 0

    def output(self) -> JsonDict:
        return self.content


@dataclass
class _Dropped:
    """Stands for the outputs after the limit."""

    count: int = 0
    stream: str | None = None
    """The stream that the last of them belongs to: more of the same text is not one more output."""

    def output(self) -> JsonDict:
        return {
            "output_type": "stream",
            "name": "stderr",
            "text": f"[… {self.count} more outputs left out …]\n",
        }


_Item = _Stream | _Display | _Dropped


@dataclass
class CellOutputs:
    """Outputs of one cell while messages arrive."""

    limits: Limits = DEFAULT_LIMITS
    items: list[_Item] = field(default_factory=list)
    _dirty: set[int] = field(default_factory=set)
    _was_cleared: bool = False
    _clear_next: bool = False

    def outputs(self) -> list[JsonDict]:
        """The outputs in nbformat's shape."""
        return [item.output() for item in self.items]

    def changes(self) -> tuple[bool, list[tuple[int, JsonDict]]]:
        """Since the last call: whether the outputs were cleared, then which index is now what."""
        cleared, dirty = self._was_cleared, sorted(self._dirty)
        self._was_cleared, self._dirty = False, set()
        return cleared, [(index, self.items[index].output()) for index in dirty]

    @property
    def changed(self) -> bool:
        return self._was_cleared or bool(self._dirty)

    def clear(self, *, wait: bool = False) -> None:
        """Empty the outputs; with ``wait`` only when the next output is there."""
        if wait:
            self._clear_next = True
            return
        self._clear_next = False
        self._was_cleared = self._was_cleared or bool(self.items)
        self.items, self._dirty = [], set()

    def write(self, name: str, text: str) -> None:
        """Text on a stream: continues the last output if that is the same stream."""
        self._begin()
        last = self.items[-1] if self.items else None
        if not (isinstance(last, _Stream) and last.name == name):
            used = sum(len(item.text) for item in self.items if isinstance(item, _Stream))
            room = max(self.limits.text - used, self.limits.late_stream)
            last = _Stream(name, TerminalText(room))
            if not self._add(last):
                return
        last.text.write(text)
        self._dirty.add(len(self.items) - 1)

    def show(self, output: JsonDict, *, always: bool = False) -> _Display | None:
        """Add any other output; None when there are too many, unless it must be seen ``always``."""
        self._begin()
        display = _Display({})
        if not self._add(display, always=always):
            return None
        self.replace(display, output)
        return display

    def replace(self, display: _Display, output: JsonDict) -> None:
        """Put ``output`` in the place of an earlier one of this cell."""
        others = sum(item.size for item in self.items if isinstance(item, _Display) and item is not display)
        room = self.limits.all_media - others
        display.content = _bounded(output, self.limits, room=room)
        display.size = sum(_length(value) for value in display.content.get("data", {}).values())
        self._dirty.add(next(index for index, item in enumerate(self.items) if item is display))

    def say_stopped(self, note: str) -> None:
        """Put ``note`` in the place of what Python said about the interrupt that ended the cell."""
        last = self.items[-1] if self.items else None
        if isinstance(last, _Display) and last.content.get("ename") == "KeyboardInterrupt":
            self.replace(last, {**last.content, "evalue": "", "traceback": [note]})

    def _begin(self) -> None:
        if self._clear_next:
            self.clear()

    def _add(self, item: _Item, *, always: bool = False) -> bool:
        if len(self.items) < self.limits.outputs or (always and len(self.items) < self.limits.outputs + 16):
            self.items.append(item)
            self._dirty.add(len(self.items) - 1)
            return True
        at = self.limits.outputs - 1
        if not isinstance(self.items[at], _Dropped):
            self.items[at] = _Dropped(1)
        note = self.items[at]
        assert isinstance(note, _Dropped)
        name = item.name if isinstance(item, _Stream) else None
        if name is None or name != note.stream:
            note.count += 1
        note.stream = name
        self._dirty.add(at)
        return False


class OutputBook:
    """Outputs of every cell that a session has run; displays are found again by their display id."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._cells: dict[str, CellOutputs] = {}
        self._displays: dict[str, list[tuple[str, _Display]]] = {}
        self._tidy_at = _DISPLAYS

    def start(self, cell_id: str) -> CellOutputs:
        """Empty outputs for a cell that runs now."""
        self._forget(cell_id)
        self._cells[cell_id] = CellOutputs(self._limits)
        return self._cells[cell_id]

    def cell(self, cell_id: str) -> CellOutputs:
        """Outputs of a cell that has been started."""
        return self._cells[cell_id]

    def apply(self, cell_id: str, message: Mapping[str, Any]) -> set[str]:
        """Fold one message of a running or earlier cell in; returns the cells whose outputs have changed."""
        kind, content = message["msg_type"], message["content"]
        cell = self._cells.get(cell_id)
        if cell is None:
            return set()
        if kind == "stream":
            cell.write(content["name"] if content["name"] in _STREAMS else "stdout", content["text"])
        elif kind == "error":
            cell.show({"output_type": "error", **content}, always=True)
        elif kind == "clear_output":
            cell.clear(wait=content["wait"])
        elif kind in ("display_data", "execute_result", "update_display_data"):
            return self._display(cell_id, kind, content)
        else:
            return set()
        return {cell_id}

    def _display(self, cell_id: str, kind: str, content: JsonDict) -> set[str]:
        display_id = content["transient"].get("display_id")
        output = {"output_type": kind, "data": content["data"], "metadata": content["metadata"]}
        # A second display with a known id also updates the earlier ones.
        touched = self._update(display_id, output) if display_id else set()
        if kind == "update_display_data":
            return touched
        if kind == "execute_result":
            output["execution_count"] = content["execution_count"]
        shown = self._cells[cell_id].show(output, always=kind == "execute_result")
        if shown is not None and display_id:
            self._register(display_id, cell_id, shown)
        return touched | {cell_id}

    def _update(self, display_id: str, output: JsonDict) -> set[str]:
        self._displays[display_id] = [pair for pair in self._displays.get(display_id, []) if self._is_shown(*pair)]
        places = self._displays[display_id]
        for owner, display in places:
            kept = {key: value for key, value in display.content.items() if key not in ("data", "metadata")}
            self._cells[owner].replace(display, {**kept, "data": output["data"], "metadata": output["metadata"]})
        if not places:
            del self._displays[display_id]
        return {owner for owner, _ in places}

    def _is_shown(self, cell_id: str, display: _Display) -> bool:
        cell = self._cells.get(cell_id)
        return cell is not None and any(item is display for item in cell.items)

    def _forget(self, cell_id: str) -> None:
        self._cells.pop(cell_id, None)
        self._tidy()

    def _register(self, display_id: str, cell_id: str, display: _Display) -> None:
        self._displays.setdefault(display_id, []).append((cell_id, display))
        if len(self._displays) > self._tidy_at:
            self._tidy()
            self._tidy_at = max(_DISPLAYS, 2 * len(self._displays))

    def _tidy(self) -> None:
        """Forget displays that were cleared; a loop that shows and clears would fill the memory."""
        kept = {key: [pair for pair in places if self._is_shown(*pair)] for key, places in self._displays.items()}
        self._displays = {key: places for key, places in kept.items() if places}


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else len(json.dumps(value))


def _bounded(output: JsonDict, limits: Limits, *, room: int) -> JsonDict:
    if output["output_type"] == "error":
        return _bounded_error(output, limits)
    data: JsonDict = {}
    notes: list[str] = []
    for mime, value in sorted(output["data"].items(), key=lambda pair: pair[0] != "text/plain"):
        kept = shorten(value, limits.plain) if mime == "text/plain" else value
        length = _length(kept)
        if length > min(limits.media, room):
            notes.append(f"[… {mime} of {size(length)} left out …]")
            continue
        room -= length
        data[mime] = kept
    if notes:
        data["text/plain"] = "\n".join([*([data["text/plain"]] if "text/plain" in data else []), *notes])
    return {**output, "data": {mime: data[mime] for mime in [*output["data"], "text/plain"] if mime in data}}


def _bounded_error(output: JsonDict, limits: Limits) -> JsonDict:
    trace: list[str] = output["traceback"]
    if sum(map(len, trace)) > limits.plain:
        trace = shorten("\n".join(trace), limits.plain).split("\n")
    return {
        **output,
        "ename": shorten(output["ename"], 1024),
        "evalue": shorten(output["evalue"], limits.plain),
        "traceback": trace,
    }
