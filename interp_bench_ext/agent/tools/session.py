"""What a tool is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from ...contracts import TechniqueSpec, Used
from ...errors import InterpBenchError
from ...notebook.session import NotebookSession
from ...record.events import Emit
from ..auxiliary import Auxiliary
from ..state import RunState

Code = Annotated[str, Field(max_length=100_000)]
CellId = Annotated[str, Field(max_length=64)]
TimeoutS = Annotated[int, Field(ge=1, le=24 * 3600)]
_IDS_TOLD = 40


class ToolError(InterpBenchError):
    """An expected failure: its sentence goes back to the agent, which can do better."""


@dataclass(frozen=True, kw_only=True)
class ToolSession:
    """One run, as its tools see it."""

    notebook: NotebookSession
    techniques: Mapping[str, TechniqueSpec]
    state: RunState
    emit: Emit
    used: Callable[[], Used]
    """What the run has had of its organism since this process was lent it."""
    auxiliary: Auxiliary | None = None
    """The model that writes inputs; None where the agent is none that the server asks."""

    def next_cell_id(self) -> str:
        """``c7`` and so on; a notebook that an earlier run has worked in may have some of them."""
        taken = self.notebook.ids()
        number = len(self.state.cells.by_id) + 1
        while f"c{number}" in taken:
            number += 1
        return f"c{number}"

    def require_cell(self, cell_id: str) -> None:
        """Raise ToolError when the notebook holds no such cell."""
        ids = self.notebook.ids()
        if cell_id not in ids:
            shown = ", ".join(["…"] * (len(ids) > _IDS_TOLD) + ids[-_IDS_TOLD:])
            raise ToolError(f"there is no cell {cell_id!r}; the notebook's cells are {shown}")

    def require_own_code(self, cell_id: str) -> None:
        """Raise ToolError when ``cell_id`` is no code cell that this run has added."""
        self.require_cell(cell_id)
        if self.state.cells.code(cell_id) is None:
            raise ToolError(f"{cell_id!r} is a text cell or somebody else's; add a cell of your own with run_cell")

    async def settle(self) -> None:
        """Let a cell in the background that has ended be saved, so that notebook and events say the same."""
        running = self.notebook.background.running
        if running is not None and self.state.cells.by_id[running].duration_s is not None:
            await self.notebook.background.close()

    def require_free_kernel(self) -> None:
        """Raise ToolError while a cell runs in the background."""
        background = self.notebook.background
        if background.running is not None:
            raise ToolError(
                f"the kernel is busy: {background.running} has been running in the background for"
                f' {background.seconds:.0f} s. Wait for it with poll_cell(cell_id="{background.running}"),'
                " or end it with interrupt()"
            )


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """Content blocks in the shape of the Messages API."""

    content: list[dict[str, Any]]
    is_error: bool = False

    @classmethod
    def text(cls, text: str, *, is_error: bool = False) -> ToolResult:
        return cls(content=[{"type": "text", "text": text}], is_error=is_error)

    def but_with(self, *, before: str = "", after: str = "") -> ToolResult:
        """The same with a text before and after what it says."""
        blocks = [[{"type": "text", "text": text}] if text else [] for text in (before, after)]
        return ToolResult(content=[*blocks[0], *self.content, *blocks[1]], is_error=self.is_error)
