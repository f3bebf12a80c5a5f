"""The command that runs many organisms at many seeds, and the table at its end."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ..config import Experiment, load_config
from ..errors import BadInput
from ..installed import find_config, installed_configs
from ..organisms.placement import place_of
from .confirm_cost import YesOption, confirm_cost
from .investigate import AgentOption, overridden
from .options import JsonOption, OutOption, interruptible
from .screen import complain, console, output, print_json
from .sweep_progress import Board

if TYPE_CHECKING:
    from ..bench.drive import Result, Sweep
    from ..bench.table import ConditionTable, OrganismRow


def sweep(
    configs: Annotated[list[str], typer.Argument(help="Configs, each a file, a name, or a pattern such as 'taboo_*'.")],
    runs: Annotated[int | None, typer.Option(min=1, help="Runs per config, with consecutive seeds.")] = None,
    agent: AgentOption = None,
    out: OutOption = Path("notebooks"),
    at_once: Annotated[
        int | None, typer.Option(min=1, help="Runs at once; by default 1, or 8 where all are on Modal.")
    ] = None,
    max_gpu_cost: Annotated[
        float | None, typer.Option(min=0.0, help="Start no further run once this many dollars of GPU time are spent.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a sweep that was cut off: what is finished in --out is kept.")
    ] = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Investigate several organisms several times, and print the scores beside the nulls'."""
    experiments = [overridden(load_config(file), agent=agent) for file in _files(configs)]
    from ..bench.drive import Sweep
    from ..bench.plan import plan
    from ..bench.table import tables
    from ..models.key import Key
    from ..runs import Services

    at_once = at_once or _usually_at_once(experiments)
    services = Services.open(key=Key.from_environment(), at_most=at_once)
    cells = plan(experiments, runs=runs, journal=services.journal, key=services.key)
    confirm_cost([cell.experiment for cell in cells], yes=yes or max_gpu_cost is not None)
    with Board(len(cells), quiet=json) as board:
        one = Sweep(services, out=out, at_once=at_once, limit_usd=max_gpu_cost, listener=board.heard)
        try:
            results = interruptible(services.carry(one.run(cells, resume=resume, on_result=board.ended)))
        except KeyboardInterrupt:
            complain("stopped; the same command with --resume goes on with it")
            raise
    _print(results, tables(results, services.journal), one, json=json)
    if any(result.outcome is None or result.outcome.record.status != "finished" for result in results):
        raise typer.Exit(1)


def _files(names: list[str]) -> list[Path]:
    """The configs that ``names`` mean, each once, in their order."""
    installed = installed_configs()
    files: list[Path] = []
    for name in names:
        matching = sorted(fnmatch.filter(installed, name)) if set(name) & set("*?[") else []
        if not matching and set(name) & set("*?["):
            raise BadInput(f"no installed config matches {name!r}; `interp-bench configs` lists them")
        files += [installed[match] for match in matching] or [find_config(name)]
    return list(dict.fromkeys(files))


def _usually_at_once(experiments: list[Experiment]) -> int:
    return min(place_of(experiment).at_once for experiment in experiments)


def _print(results: list[Result], tables: list[ConditionTable], done: Sweep, *, json: bool) -> None:
    if json:
        print_json(_summary(results, tables, done))
        return
    for table in tables:
        output.print(_rendered(table))
    for result in results:
        if result.problem:
            run = f" (run {result.outcome.record.id})" if result.outcome is not None else ""
            complain(f"{result.cell}{run}: {result.problem}")
    if done.spent.usd:
        console.print(f"about ${done.spent.usd:.2f} of GPU time")


def _rendered(found: ConditionTable) -> Table:
    """A row for each organism, then the secrets' and the nulls' together."""
    table = Table("organism", "finished", "score", "minutes", "steps", title=f"{found.agent}, {found.condition}")
    for row in found.rows:
        minutes, steps = _number(row.minutes, ".1f"), _number(row.steps, ".0f")
        table.add_row(row.config, f"{row.finished}/{row.cells}", _scored(row), minutes, steps)
    table.add_section()
    table.add_row("all secrets", "", f"named: {found.comparison.secrets}")
    nulls = "all nulls" if found.other_nulls is None else "nulls of all runs"
    table.add_row(nulls, "", f"claimed about: {found.other_nulls or found.comparison.nulls}")
    if found.comparison.informedness is not None:
        table.add_row("informedness", "", f"{found.comparison.informedness:+.2f}")
    if str(found.comparison.left_out):
        table.add_row("left out", "", str(found.comparison.left_out))
    return table


def _scored(row: OrganismRow) -> str:
    secrets, nulls = row.comparison.secrets, row.comparison.nulls
    parts = [f"named: {secrets}" if secrets.runs else "", f"claimed about: {nulls}" if nulls.runs else ""]
    return "; ".join(part for part in (*parts, str(row.comparison.left_out)) if part)


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _summary(results: list[Result], tables: list[ConditionTable], done: Sweep) -> dict[str, Any]:
    return {
        "runs": [
            {
                "config": result.cell.config,
                "seed": result.cell.seed,
                "kept": result.kept,
                "problem": result.problem or None,
                **(result.outcome.summary() if result.outcome is not None else {"run": None}),
            }
            for result in results
        ],
        "comparisons": [table.comparison.model_dump() for table in tables],
        "gpu_usd": round(done.spent.usd, 4),
    }
