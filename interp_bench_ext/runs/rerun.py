"""Runs the cells of a run's notebook again, on a fresh organism and under the veil that a run has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from ..config import Experiment
from ..contracts import Veil
from ..errors import BadInput, WeakerVeil
from ..host.terms import Terms
from ..notebook.backend import MARK
from ..notebook.closing import is_closing
from ..notebook.readable import check_notebook, upgraded
from ..notebook.session import NotebookSession
from ..organisms.placement import organism_spec
from ..paths import notebook_path
from ..record.cell_events import CellAdded, CellStatus
from ..sandbox.bubblewrap import sandbox_available
from .environment import Environment


@dataclass(frozen=True, kw_only=True)
class SourceCell:
    """A cell of the notebook that is run again."""

    added: CellAdded
    run: str
    """Id of the run that it is marked with; empty where it is nobody's."""
    failed: bool
    """Whether it shows an error."""


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """What came of it: the status of each code cell that was run, in order."""

    notebook: Path
    statuses: dict[str, CellStatus]
    fails_anew: tuple[str, ...]
    """Cells that fail now, and did not in the notebook."""
    left_out: tuple[str, ...]
    """Cells that were not run, as the kernel had died."""

    @property
    def good(self) -> bool:
        return not self.fails_anew and not self.left_out


def read_cells(notebook: Path) -> list[SourceCell]:
    """The notebook's code and text. Raises BadInput where it is none."""
    path = notebook_path(notebook)
    if not path.is_file():
        raise BadInput(f"{notebook}: there is no such notebook; name one, or a run")
    check_notebook(path)
    read: Any = nbformat.read
    cells = upgraded(read(path, as_version=4))["cells"]
    found = [_cell(cell) for cell in cells if cell["cell_type"] in ("code", "markdown")]
    return [cell for cell in found if not is_closing(cell.added.cell_id, cell.run)]


def fresh_notebook(notebook: Path) -> Path:
    """A file beside ``notebook`` that is not there yet."""
    path, number = notebook_path(notebook), 1
    while True:
        found = path.with_name(f"{path.stem}-rerun{'' if number == 1 else f'-{number}'}.ipynb")
        if not os.path.lexists(found):
            return found
        number += 1


async def rerun(
    cells: Sequence[SourceCell],
    *,
    experiment: Experiment,
    environment: Environment,
    into: Path,
    timeout_s: float,
    weaker_veil: bool,
) -> Rerun:
    """Run ``cells`` from top to bottom. Nothing is recorded: it is no run.

    Args:
        cells: What to run.
        experiment: The config of the organism.
        environment: How organisms and notebooks are opened, and who hears how that goes.
        into: The notebook that gets the outputs; cells that it has already get theirs anew.
        timeout_s: Of each cell.
        weaker_veil: Whether a person has said that the code may run without a sandbox.

    Raises:
        BadInput: The organism or the notebook cannot be had.
        WeakerVeil: There is no sandbox here.
    """
    problem = None if weaker_veil else sandbox_available()
    if problem is not None:
        raise WeakerVeil(
            f"the notebook's code is an agent's, and here it would run with all that you may do. {problem}"
            " A person can allow it with --weaker-veil"
        )
    spec, terms = organism_spec(experiment), Terms(caller="rerun", access=experiment.public.access)
    async with environment.organism(spec, environment.listener, terms) as organism:
        session = await environment.notebook(
            into,
            emit=environment.listener,
            connection=organism.connection,
            run="",
            veil=None if weaker_veil else Veil.SANDBOXED,
        )
        try:
            await session.rebuild([cell.added for cell in cells])
            return await _run_all(session, cells, into=into, timeout_s=timeout_s)
        finally:
            await session.close()


async def _run_all(session: NotebookSession, cells: Sequence[SourceCell], *, into: Path, timeout_s: float) -> Rerun:
    code = [cell for cell in cells if cell.added.kind == "code"]
    statuses: dict[str, CellStatus] = {}
    for cell in code:
        if not session.kernel_alive:
            break
        done = await session.run_cell(cell.added.cell_id, timeout_s=timeout_s)
        statuses[cell.added.cell_id] = done.status
    failing = [
        cell.added.cell_id for cell in code if statuses.get(cell.added.cell_id, "ok") != "ok" and not cell.failed
    ]
    left_out = [cell.added.cell_id for cell in code if cell.added.cell_id not in statuses]
    return Rerun(notebook=into, statuses=statuses, fails_anew=tuple(failing), left_out=tuple(left_out))


def _cell(cell: Any) -> SourceCell:
    added = CellAdded(cell_id=cell["id"], kind=cell["cell_type"], source=str(cell["source"]))
    failed = any(output["output_type"] == "error" for output in cell.get("outputs", ()))
    mark = cell["metadata"].get(MARK)
    return SourceCell(added=added, run=str(mark.get("run", "")) if isinstance(mark, dict) else "", failed=failed)
