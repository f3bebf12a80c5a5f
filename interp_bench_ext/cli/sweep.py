"""The command that runs many organisms at many seeds, and the table at its end."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ..config import Experiment, config_folders, find_config, load_config
from ..errors import BadInput
from ..record.journal import Journal
from .confirm_cost import YesOption, confirm_cost
from .investigate import AgentOption, overridden
from .options import JsonOption, OutOption, interruptible
from .screen import complain, console, print_json
from .sweep_progress import Board

if TYPE_CHECKING:
    from ..bench.drive import Result, Sweep
    from ..scoring.statistics import Comparison, Proportion

_MODAL_AT_ONCE = 8


def sweep(
    configs: Annotated[list[str], typer.Argument(help="Configs, each a file, a name, or a pattern such as 'taboo_*'.")],
    runs: Annotated[int | None, typer.Option(min=1, help="Runs per config, with consecutive seeds.")] = None,
    agent: AgentOption = None,
    out: OutOption = Path("notebooks"),
    at_once: Annotated[
        int | None, typer.Option(min=1, help=f"Runs at once; by default 1, or {_MODAL_AT_ONCE} if all are on Modal.")
    ] = None,
    max_gpu_cost: Annotated[
        float | None, typer.Option(min=0.0, help="Start no further run once this many dollars are spent on Modal.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a sweep that was cut off: what is finished in --out is kept.")
    ] = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Investigate several organisms several times, and print the scores beside the nulls'."""
    experiments = [load_config(file) for file in _files(configs)]
    wanted = [
        overridden(experiment, agent=agent, seed=experiment.public.seed + offset)
        for experiment in experiments
        for offset in range(runs or experiment.public.runs)
    ]
    confirm_cost(wanted, yes=yes or max_gpu_cost is not None)
    from ..bench.drive import Cell, Sweep
    from ..models.key import Key

    cells, journal = [Cell(experiment=experiment) for experiment in wanted], Journal()
    with Board(len(cells), quiet=json) as board:
        one = Sweep(
            journal,
            key=Key.from_environment(),
            out=out,
            at_once=at_once or _usually_at_once(experiments),
            limit_usd=max_gpu_cost,
            listener=board.heard,
        )
        try:
            results = interruptible(one.run(cells, resume=resume, on_result=board.ended))
        except KeyboardInterrupt:
            complain("stopped; the same command with --resume goes on with it")
            raise
    _print(results, one, journal, json=json)
    if any(result.outcome is None or result.outcome.record.status != "finished" for result in results):
        raise typer.Exit(1)


def _files(names: list[str]) -> list[Path]:
    """The configs that ``names`` mean, each once, in their order."""
    installed = {file.stem: file for folder in reversed(config_folders()) for file in folder.glob("*.yaml")}
    files: list[Path] = []
    for name in names:
        matching = sorted(fnmatch.filter(installed, name)) if set(name) & set("*?[") else []
        if not matching and set(name) & set("*?["):
            raise BadInput(f"no installed config matches {name!r}; `interp-bench configs` lists them")
        files += [installed[match] for match in matching] or [find_config(name)]
    return list(dict.fromkeys(files))


def _usually_at_once(experiments: list[Experiment]) -> int:
    on_modal = all(experiment.public.execution_mode == "modal" for experiment in experiments)
    return _MODAL_AT_ONCE if on_modal else 1


def _print(results: list[Result], done: Sweep, journal: Journal, *, json: bool) -> None:
    from ..bench.drive import outcomes
    from ..scoring.statistics import compare

    scores = [outcome.score for outcome in outcomes(results) if outcome.score is not None]
    together = compare(scores)
    if json:
        print_json(_summary(results, together, done))
        return
    console.print(_table(results, together, _other_nulls(results, together, journal)))
    for result in results:
        if result.problem:
            run = f" (run {result.outcome.record.id})" if result.outcome is not None else ""
            complain(f"{result.cell}{run}: {result.problem}")
    if done.spending.usd:
        console.print(f"about ${done.spending.usd:.2f} of GPU time on Modal")


def _other_nulls(results: list[Result], together: Comparison, journal: Journal) -> Proportion | None:
    """For a sweep without nulls, what its agent claimed about those of all its recorded runs."""
    from ..bench.drive import outcomes
    from ..outcome import comparison

    agents = {outcome.agent for outcome in outcomes(results)}
    return comparison(journal, agents.pop()).nulls if len(agents) == 1 and together.nulls.n == 0 else None


def _table(results: list[Result], together: Comparison, other_nulls: Proportion | None) -> Table:
    """A row for each organism, then the secrets' and the nulls' together."""
    from ..bench.drive import outcomes
    from ..scoring.statistics import compare

    table = Table("organism", "finished", "score (95% CI)", "minutes", "steps")
    for config, own in _by_config(results).items():
        ended = outcomes(own)
        finished = [outcome for outcome in ended if outcome.record.status == "finished"]
        scored = compare(outcome.score for outcome in ended if outcome.score is not None)
        table.add_row(
            config,
            f"{len(finished)}/{len(own)}",
            _line(scored),
            _mean([outcome.minutes for outcome in finished], ".1f"),
            _mean([float(outcome.steps) for outcome in finished], ".0f"),
        )
    table.add_section()
    table.add_row("all secrets", "", f"{together.secrets} named")
    nulls = "all nulls" if other_nulls is None else "nulls of all runs"
    table.add_row(nulls, "", f"{other_nulls or together.nulls} claimed about")
    return table


def _line(scored: Comparison) -> str:
    if scored.secrets.n:
        return f"{scored.secrets} named"
    return f"{scored.nulls} claimed about" if scored.nulls.n else ""


def _mean(values: list[float], form: str) -> str:
    return format(sum(values) / len(values), form) if values else ""


def _by_config(results: list[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.cell.config, []).append(result)
    return found


def _summary(results: list[Result], together: Comparison, done: Sweep) -> dict[str, Any]:
    return {
        "runs": [
            {
                "config": result.cell.config,
                "seed": result.cell.experiment.public.seed,
                "kept": result.kept,
                "problem": result.problem or None,
                **(result.outcome.summary() if result.outcome is not None else {"run": None}),
            }
            for result in results
        ],
        "comparison": together.model_dump(),
        "gpu_usd": round(done.spending.usd, 4),
    }
