"""Where a session's cells are kept: one protocol, always by cell id, for a file or a shared document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..events import CellKind, CellStatus, JsonDict

CellState = CellStatus | Literal["running"] | None
"""None: the cell has not run."""


@dataclass(frozen=True, kw_only=True)
class NotebookCell:
    """A cell as the run wants it to be."""

    cell_id: str
    kind: CellKind
    source: str
    outputs: Sequence[JsonDict] = ()
    execution_count: int | None = None
    mark: JsonDict = field(default_factory=dict)
    """The cell's ``interp_bench`` metadata."""


@dataclass(frozen=True, kw_only=True)
class CellView:
    """A cell as a reader sees it."""

    cell_id: str
    kind: CellKind | Literal["raw"]
    source: str
    outputs: list[JsonDict]
    execution_count: int | None
    status: CellState
    own: bool
    """Whether this run has written it."""


class NotebookBackend(Protocol):
    """Keeps one notebook; a change is saved, beside other writers' changes, before the method returns."""

    async def refresh(self) -> dict[str, str]:
        """Take in what others changed; returns the new source of the run's own cells that they edited.

        Raises:
            NotebookConflict: What is there now is no notebook.
        """
        ...

    def cells(self) -> list[CellView]:
        """All cells in order, as of the last call of any other method."""
        ...

    async def put(self, cells: Sequence[NotebookCell]) -> None:
        """Make these cells what they say: known ones in their place, new ones after their predecessor.

        Raises:
            NotebookConflict: The notebook cannot be written.
        """
        ...
