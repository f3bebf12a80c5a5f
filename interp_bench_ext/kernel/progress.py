"""One line that says how far a call is: shown once it is slow, updated in place, gone when it is done."""

from __future__ import annotations

import html
import sys
import time
import uuid
from types import TracebackType
from typing import Any

from ..results.wording import clip

_SHOW_AFTER_S = 1.5
_UPDATE_EVERY_S = 0.25


class Progress:
    """A context manager around one call."""

    def __init__(self, name: str, *, show_after_s: float = _SHOW_AFTER_S) -> None:
        self._name = name
        self._started = time.monotonic()
        self._next = self._started + show_after_s
        self._line = _line()
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._line is not None:
            self._line.clear()

    def update(self, stage: str, done: int, total: int) -> None:
        share = f"{done:,} of {total:,} ({100 * done / total:.0f} %)" if total > 0 else f"{done:,}"
        self._show(f"{self._name}: {clip(stage, 60)} {share}")

    def waiting(self, reason: str) -> None:
        self._show(f"{self._name}: {reason}")

    def _show(self, message: str) -> None:
        now = time.monotonic()
        if self._line is None or now < self._next:
            return
        self._line.write(f"{message}, {now - self._started:.0f} s")
        self._next, self._shown = now + _UPDATE_EVERY_S, True


class _Terminal:
    def write(self, message: str) -> None:
        sys.stderr.write(f"\r{message}\x1b[K")
        sys.stderr.flush()

    def clear(self) -> None:
        self.write("")


class _Notebook:
    """A display that is updated and emptied at the end: front ends show nothing for one without data."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self._id = uuid.uuid4().hex
        self._exists = False

    def write(self, message: str) -> None:
        quiet = f'<div style="opacity:0.7;font-size:12px">{html.escape(message)}</div>'
        self._publish({"text/plain": message, "text/html": quiet})

    def clear(self) -> None:
        self._publish({})

    def _publish(self, data: dict[str, str]) -> None:
        self._publisher.publish(data, {}, transient={"display_id": self._id}, update=self._exists)
        self._exists = True


def _line() -> _Terminal | _Notebook | None:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and hasattr(shell, "kernel"):
        return _Notebook(shell.display_pub)
    return _Terminal() if sys.stderr is not None and sys.stderr.isatty() else None
