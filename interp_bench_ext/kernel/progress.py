"""One line that says how far a call is: shown once it is slow, updated in place, gone when it is done.

In a notebook it is a display whose metadata says the same to programs, ``{"interp_bench": {"progress": {"what":
"logit_lens", "stage": "reading", "done": 64, "total": 100}}}``; ``total`` is 0 where nobody knows it. At the end the
display is updated to no data and no metadata, which front ends show as nothing.
"""

from __future__ import annotations

import html
import sys
import time
import uuid
from types import TracebackType
from typing import Any

from ..results.kit.safe_text import clip

_SHOW_AFTER_S = 1.5
_UPDATE_EVERY_S = 0.25
_CLOCK_EVERY_S = 1.0
"""Updates that only the time has changed in."""
_STAGE_CHARACTERS = 60


class Progress:
    """A context manager around one call."""

    def __init__(self, name: str, *, show_after_s: float = _SHOW_AFTER_S) -> None:
        self._name = name
        self._started = time.monotonic()
        self._next = self._started + show_after_s
        self._line = _line()
        self._facts: dict[str, Any] = {}
        """What was shown last; empty before anything was."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._facts and self._line is not None:
            self._line.clear()

    def update(self, stage: str, done: int, total: int) -> None:
        """The call is in ``stage``, and so far in it; a ``total`` of 0 is not known."""
        self._show(clip(stage, _STAGE_CHARACTERS), done, total)

    def waiting(self, reason: str) -> None:
        """The call waits for something."""
        self._show(clip(reason, _STAGE_CHARACTERS), 0, 0)

    def _show(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        facts = {"what": self._name, "stage": stage, "done": done, "total": max(0, total)}
        wait_s = _CLOCK_EVERY_S - _UPDATE_EVERY_S if facts == self._facts else 0.0
        if self._line is None or now < self._next + wait_s:
            return
        share = f" {done:,} of {total:,} ({100 * done / total:.0f} %)" if total > 0 else f" {done:,}" if done else ""
        message = f"{self._name}: {stage}{share}, {now - self._started:.0f} s"
        self._line.write(message, facts)
        self._next, self._facts = now + _UPDATE_EVERY_S, facts


class _Terminal:
    def write(self, message: str, facts: dict[str, Any]) -> None:
        sys.stderr.write(f"\r{message}\x1b[K")
        sys.stderr.flush()

    def clear(self) -> None:
        self.write("", {})


class _Notebook:
    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self._id = uuid.uuid4().hex
        self._exists = False

    def write(self, message: str, facts: dict[str, Any]) -> None:
        bar = ""
        if facts["total"]:
            bar = f'<progress value="{facts["done"]}" max="{facts["total"]}" style="width:160px"></progress> '
        quiet = f'<div style="opacity:0.7;font-size:12px">{bar}{html.escape(message)}</div>'
        self._publish({"text/plain": message, "text/html": quiet}, {"interp_bench": {"progress": facts}})

    def clear(self) -> None:
        self._publish({}, {})

    def _publish(self, data: dict[str, str], metadata: dict[str, Any]) -> None:
        self._publisher.publish(data, metadata, transient={"display_id": self._id}, update=self._exists)
        self._exists = True


def _line() -> _Terminal | _Notebook | None:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and hasattr(shell, "kernel"):
        return _Notebook(shell.display_pub)
    return _Terminal() if sys.stderr is not None and sys.stderr.isatty() else None
