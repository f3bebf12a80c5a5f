"""The cell at a notebook's end that says that the run is over, and what has become of its kernel."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

Status = Literal["finished", "failed", "interrupted"]
_KERNEL = (
    "Its kernel has ended, and with it all variables, whatever its code had started, and its access to the organism."
)
_FRESH = " Cells that you run here go to a fresh kernel behind the same veil."


def closing(*, run: str, status: Status, message: str, fresh_kernel: bool) -> str:
    """Markdown that says how the run has ended.

    Args:
        run: Its id.
        status: What it is now.
        message: Why, in the words of the run's last event.
        fresh_kernel: Whether the notebook has another kernel now.
    """
    was = {"finished": "is finished", "failed": "failed", "interrupted": "was interrupted"}[status]
    why = f": {' '.join(message.split()).rstrip('.')}" if message else ""
    on = "" if status == "finished" else f" `interp-bench resume {run}` goes on from here."
    return f"{_opening(run)} {was}**{why}. {_KERNEL}{_FRESH if fresh_kernel else ''}{on}"


def gone_on(run: str) -> str:
    """What stands there instead once the run has been resumed."""
    return f"{_opening(run)} was cut off here**, and went on in a new kernel."


def says_end(source: str, run: str) -> bool:
    """Whether this is such a cell's text as a run has left it."""
    return source.startswith(_opening(run))


def is_closing(cell_id: str, run: str) -> bool:
    """Whether the id is that of such a cell."""
    return bool(run) and re.fullmatch(rf"end-{re.escape(run)}(-\d+)?", cell_id) is not None


def closing_id(run: str, *, taken: Collection[str]) -> str:
    """An id for the next such cell."""
    number, cell_id = 1, f"end-{run}"
    while cell_id in taken:
        number += 1
        cell_id = f"end-{run}-{number}"
    return cell_id


def _opening(run: str) -> str:
    return f"**Investigation {run}"
