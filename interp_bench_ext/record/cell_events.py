"""What can happen to a run's kernel and to its cells."""

from __future__ import annotations

from typing import Literal

from .event import JsonDict, RunEvent

CellKind = Literal["code", "markdown"]
CellStatus = Literal["ok", "error", "interrupted", "timeout", "kernel_died"]


class KernelStarted(RunEvent):
    type: Literal["kernel_started"] = "kernel_started"
    veil: str
    kernel_id: str | None = None
    """What the Jupyter server calls it; None where it is no kernel of a server's."""
    restored_cells: int = 0
    """Earlier code cells run again in it, so that their variables exist."""


class CellsRestoring(RunEvent):
    """Earlier code cells run again in a new kernel: ``done`` of ``total`` have."""

    type: Literal["cells_restoring"] = "cells_restoring"
    done: int
    total: int


class KernelWentAway(RunEvent):
    type: Literal["kernel_died"] = "kernel_died"
    reason: str


class CellEvent(RunEvent):
    """What every event of one cell says."""

    cell_id: str


class CellAdded(CellEvent):
    type: Literal["cell_added"] = "cell_added"
    kind: CellKind
    source: str
    reason: str = ""
    """What the agent said before it, on one line; empty where it said nothing."""


class CellEdited(CellEvent):
    type: Literal["cell_edited"] = "cell_edited"
    source: str


class CellStarted(CellEvent):
    """The cell runs (again): its outputs are empty from here."""

    type: Literal["cell_started"] = "cell_started"


class CellOutput(CellEvent):
    """Output number ``index`` of the cell is now ``output`` (an nbformat output); an index may be written again."""

    type: Literal["cell_output"] = "cell_output"
    index: int
    output: JsonDict


class CellOutputsCleared(CellEvent):
    type: Literal["cell_outputs_cleared"] = "cell_outputs_cleared"


class CellFinished(CellEvent):
    type: Literal["cell_finished"] = "cell_finished"
    status: CellStatus
    execution_count: int | None
    duration_s: float
    organism_s: float = 0.0
    """How long the organism's model worked while the cell ran: 0 for a cell that did not ask it anything."""
    samples: int | None = None
    """Texts that the organism, not its base, read or continued for it; None in journals of 0.1.0."""
    prompts: int | None = None
    """Different prompts of its calls, those to the base included; None in journals of 0.1.0."""
