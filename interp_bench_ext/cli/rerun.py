"""The command that runs a notebook's cells again, in a sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..config import Experiment, load_config
from ..errors import BadInput
from ..installed import find_config
from ..record.journal import Journal
from .options import ConfigOption, JsonOption, WeakerVeilOption, experiment_of, interruptible
from .screen import Watch, console, print_json

if TYPE_CHECKING:
    from ..runs.rerun import Rerun, SourceCell


def rerun(
    notebook: Annotated[str, typer.Argument(help="A run's notebook; or start of the run's id, or `last`.")],
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write the outputs into the notebook itself, not into one beside it.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=1.0, help="Seconds that a cell may take.")] = 3600.0,
    config: ConfigOption = None,
    weaker_veil: WeakerVeilOption = False,
    json: JsonOption = False,
) -> None:
    """Run a notebook from top to bottom again, on a fresh organism and in a sandbox; no agent takes part.

    The exit code is 1 where a cell fails that had not failed before.
    """
    from ..runs import Services
    from ..runs.rerun import fresh_notebook, read_cells
    from ..runs.rerun import rerun as run_again

    services = Services.open()
    source = Path(notebook) if notebook.endswith(".ipynb") else services.journal.find_run(notebook).notebook
    cells = read_cells(source)
    experiment = _experiment(services.journal, source, cells, config)
    into = source if in_place else fresh_notebook(source)
    with Watch(quiet=json) as watch:
        work = run_again(
            cells,
            experiment=experiment,
            environment=services.environment(experiment.path.stem, listener=watch),
            into=into,
            timeout_s=timeout,
            weaker_veil=weaker_veil,
        )
        done = interruptible(services.carry(work))
    if json:
        print_json(_summary(done))
    else:
        _show(done)
    if not done.good:
        raise typer.Exit(1)


def _experiment(journal: Journal, source: Path, cells: list[SourceCell], config: str | None) -> Experiment:
    """The config of the run whose notebook it is, as it was recorded; without such a run, the one that is named."""
    from ..runs.start import recorded_public

    runs = [record for cell in cells if cell.run and (record := journal.run(cell.run)) is not None]
    if runs:
        return experiment_of(runs[-1], config).with_public(recorded_public(journal, runs[-1].id))
    if config is None:
        raise BadInput(f"{source}: no run of your journal has made this notebook; name its config with --config")
    return load_config(find_config(config))


def _summary(done: Rerun) -> dict[str, object]:
    return {
        "notebook": str(done.notebook),
        "cells": done.statuses,
        "fails_anew": done.fails_anew,
        "left_out": done.left_out,
    }


def _show(done: Rerun) -> None:
    if done.left_out:
        console.print(f"not run, as the kernel died: {', '.join(done.left_out)}", style="yellow", markup=False)
    if done.fails_anew:
        console.print(f"failed, and had not before: {', '.join(done.fails_anew)}", style="yellow", markup=False)
    console.print(f"{len(done.statuses)} cells ran again", style="bold green" if done.good else "bold yellow")
    console.print(f"notebook  {done.notebook}", markup=False, soft_wrap=True)
