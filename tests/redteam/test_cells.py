"""The attempts that are cells of the shared kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from . import (
    cells_files,
    cells_installation,
    cells_limits,
    cells_machine,
    cells_network,
    cells_organism,
    cells_processes,
    cells_work_folder,
)
from .room import Room
from .suite import CellAttempt, Trial, Veil, attempt

CELLS: list[CellAttempt] = [
    *cells_files.CELLS,
    *cells_work_folder.CELLS,
    *cells_installation.CELLS,
    *cells_limits.CELLS,
    *cells_processes.CELLS,
    *cells_network.CELLS,
    *cells_organism.CELLS,
    *cells_machine.CELLS,
]

SHORT = ("A12a", "A12b", "A12c", "B1", "B3", "B4", "C1", "C2", "D2")
"""Those that `make test` tries, at the veil that matters."""


def tries() -> Iterator[object]:
    veils: tuple[Veil, ...] = ("sandboxed", "process")
    for veil in veils:
        for cell in CELLS:
            if veil in cell.veils:
                documented, short = veil in cell.documented, veil == "sandboxed" and cell.id in SHORT
                marked = attempt(cell.id, cell.group, cell.sentence, veil=veil, documented=documented, short=short)
                room = pytest.mark.xdist_group(f"room-{veil}")
                yield pytest.param(cell, veil, id=f"{cell.id}-{veil}", marks=(marked, room))


@pytest.mark.parametrize(("cell", "veil"), list(tries()))
def test_a_cell_gets_nothing(cell: CellAttempt, veil: Veil, room: Callable[[Veil], Room], trial: Trial) -> None:
    real, control = room(veil).tried(cell)
    trial.abuse(lambda came_of_it: came_of_it, real, control) if cell.check == "any" else trial.found(real, control)
