"""Where a session's cells are kept: one protocol, always by cell id, for a file or a shared document."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from ..record.cell_events import CellKind
from ..record.cells import CellState
from ..record.event import JsonDict

MARK = "interp_bench"
"""Key of a cell's metadata that says which run the cell belongs to, and how it ended."""

KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
LANGUAGE = {
    "name": "python",
    "mimetype": "text/x-python",
    "file_extension": ".py",
    "pygments_lexer": "ipython3",
    "codemirror_mode": {"name": "ipython", "version": 3},
}
"""As a kernel says it, which one that is busy does not; code has no colours until then."""


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
    """Keeps one notebook: the run's cells as the run puts them, everybody else's as they are."""

    @property
    def path(self) -> Path:
        """Where the notebook is, also after somebody has renamed it.

        Raises:
            NotebookConflict: It is nowhere any more.
        """
        ...

    @property
    def pace_s(self) -> float:
        """How long to wait before the outputs of a running cell are put again."""
        ...

    async def refresh(self) -> dict[str, str]:
        """Take in what others changed; returns the new source of the run's own cells that they edited.

        Raises:
            NotebookConflict: What is there is no notebook, or nothing.
        """
        ...

    def ids(self) -> list[str]:
        """Ids of all cells in order, as of the last call of any other method."""
        ...

    def cells(self) -> list[CellView]:
        """All cells in order, as of the last call of any other method."""
        ...

    async def put(self, cells: Sequence[NotebookCell]) -> None:
        """Make these cells what they say: known ones in their place, new ones after their predecessor.

        A source that the run did not change stays as somebody else has edited it. A cell of the run that
        somebody removed is put back, as it is evidence. Nothing here waits for a disk.

        Raises:
            NotebookConflict: The notebook is not there any more.
        """
        ...

    async def saved(self) -> None:
        """Wait until what was put is as safe as this backend makes it between two steps of a run.

        Raises:
            NotebookConflict: The notebook cannot be saved.
        """
        ...

    async def close(self) -> None:
        """Save as far as possible and let go of the notebook."""
        ...


def new_notebook() -> JsonDict:
    """A notebook without cells, in nbformat's shape."""
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": named({}), "cells": []}


def named(metadata: JsonDict) -> JsonDict:
    """A notebook's metadata with its kernel and its language, where they are not said."""
    found = dict(metadata)
    for key, value in (("kernelspec", KERNELSPEC), ("language_info", LANGUAGE)):
        if not (found.get(key) or {}).get("name"):
            found[key] = copy.deepcopy(value)
    return found


def node_of(cell: NotebookCell, known: JsonDict) -> JsonDict:
    """A cell in nbformat's shape, with what else ``known``, its older node, has in its metadata."""
    metadata = {**known.get("metadata", {}), MARK: dict(cell.mark)}
    node: JsonDict = {"id": cell.cell_id, "cell_type": cell.kind, "source": cell.source, "metadata": metadata}
    if cell.kind == "code":
        if known.get("outputs") != list(cell.outputs):
            # What a person has trusted were other outputs.
            metadata.pop("trusted", None)
        node |= {"outputs": copy.deepcopy(list(cell.outputs)), "execution_count": cell.execution_count}
    return node


def place_of(cell_id: str, own: Sequence[str], order: Sequence[str]) -> int:
    """Index at which a missing cell of the run belongs among the cells ``order``.

    New ones go to the end, removed ones back beside their neighbours.

    Args:
        cell_id: The missing one.
        own: Ids of the run's cells in the order in which it added them.
        order: Ids of the notebook's cells.
    """
    rank = own.index(cell_id)
    later = next((name for name in own[rank + 1 :] if name in order), None)
    if later is None:
        return len(order)
    before = own[rank - 1] if rank else None
    return order.index(before) + 1 if before in order else order.index(later)


def is_blank(cell: Mapping[str, Any]) -> bool:
    """Whether a cell is the empty one that every new notebook has."""
    return (
        cell["cell_type"] == "code"
        and not "".join(cell["source"]).strip()
        and not cell.get("outputs")
        and not set(cell["metadata"]) - {"trusted"}
    )


def view_of(cell: Mapping[str, Any], *, own: bool) -> CellView:
    """A cell in nbformat's shape for a reader."""
    return CellView(
        cell_id=cell["id"],
        kind=cell["cell_type"],
        source=cell["source"],
        outputs=copy.deepcopy(list(cell.get("outputs", []))),
        execution_count=cell.get("execution_count"),
        status=cell["metadata"].get(MARK, {}).get("status") if own else None,
        own=own,
    )
