"""The command that carries out a recorded run again and says what came out otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ..record.events import RunEnded
from .options import ConfigOption, JsonOption, OutOption, RunArgument, WeakerVeilOption, experiment_of, interruptible
from .screen import Watch, complain, output, print_json

if TYPE_CHECKING:
    from ..record.journal import RunRecord
    from ..runs.differences import Comparison


def replay(
    run: RunArgument,
    tolerance: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Relative difference up to which two numbers with a fraction are the same, by default 0.001;"
            " counts must be equal.",
        ),
    ] = None,
    config: ConfigOption = None,
    out: OutOption = Path("notebooks"),
    weaker_veil: WeakerVeilOption = False,
    json: JsonOption = False,
) -> None:
    """Carry out a run's recorded decisions on a fresh organism, and report every cell whose output differs."""
    from ..runs import Services, carry_through, start
    from ..runs.differences import TOLERANCE, compare_runs

    services = Services.open()
    journal = services.journal
    recorded = journal.find_run(run)
    experiment = experiment_of(recorded, config)
    with Watch(quiet=json) as watch:
        environment = services.environment(experiment.path.stem, listener=watch)
        begun = start.replay(experiment, recorded, environment=environment, out=out, weaker_veil=weaker_veil)
        record = interruptible(services.carry(carry_through(begun, journal)))
    found = compare_runs(
        journal.events(recorded.id),
        journal.events(record.id),
        tolerance=TOLERANCE if tolerance is None else tolerance,
    )
    ended = journal.last(record.id, RunEnded)
    message = ended.message if ended is not None and ended.status == "failed" else ""
    if json:
        print_json(_summary(recorded, record, message, found))
    else:
        _show(recorded, record, message, found)
    if found.differences or record.status == "failed":
        raise typer.Exit(1)


def _summary(recorded: RunRecord, record: RunRecord, message: str, found: Comparison) -> dict[str, Any]:
    return {
        "run": recorded.id,
        "replay": record.id,
        "status": record.status,
        "message": message,
        **found.summary(),
        "notebook": str(record.notebook),
    }


def _show(recorded: RunRecord, record: RunRecord, message: str, found: Comparison) -> None:
    if message:
        complain(f"the replay failed: {message}")
    if found.differences:
        table = Table("cell", "differs in", "recorded", "replayed", title=f"run {recorded.id} and its replay")
        for one in found.differences:
            table.add_row(one.cell_id, one.what, Text(one.recorded), Text(one.replayed))
        output.print(table)
    for part in found.not_compared:
        output.print(f"not compared: {part.cell_id}, {part.why}", markup=False, soft_wrap=True)
    differing = len({one.cell_id for one in found.differences})
    verdict = f"{differing or 'none'} of {found.cells} cells differ{'' if differing > 1 else 's'}"
    output.print(
        f"{verdict} (numbers with a fraction up to {found.tolerance:g} of their size)",
        style="bold yellow" if differing else "bold green",
    )
    output.print(f"replay    {record.id}\nnotebook  {record.notebook}", markup=False, soft_wrap=True)
