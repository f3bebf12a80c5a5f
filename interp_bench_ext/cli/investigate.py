"""Commands that drive runs: run, resume, sweep."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..config import Experiment, find_config, load_config
from ..errors import BadInput
from ..journal import Journal, RunRecord
from .screen import Watch, console, print_json

if TYPE_CHECKING:
    from ..agent.anthropic import Key
    from ..outcome import Outcome

ConfigArgument = Annotated[str, typer.Argument(help="A config file, or the name of an installed config.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else.")]
AgentOption = Annotated[
    Literal["playbook", "anthropic"] | None,
    typer.Option("--agent", help="Who investigates; by default Claude where a key is set, else the offline playbook."),
]
MaxSteps = Annotated[int | None, typer.Option(min=1, help="Budget of agent replies.")]
MaxCost = Annotated[float | None, typer.Option("--max-cost", min=0.0, help="Budget in US dollars.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the run's own folder.")]
SeedOption = Annotated[int | None, typer.Option(min=0, help="Seed of prompts and draws.")]
Value = TypeVar("Value")


def run(
    config: ConfigArgument,
    agent: AgentOption = None,
    model: Annotated[str | None, typer.Option(help="The agent's model.")] = None,
    notebook: Annotated[Path | None, typer.Option(help="Notebook to work in, made if it does not exist.")] = None,
    out: OutOption = Path("notebooks"),
    seed: SeedOption = None,
    max_steps: MaxSteps = None,
    max_cost: MaxCost = None,
    json: JsonOption = False,
) -> None:
    """Investigate an organism: an agent works through a notebook until it names the secret or finds nothing."""
    from ..agent.anthropic import Key
    from ..runs import Workplace, start_run

    experiment = _overridden(
        load_config(find_config(config)),
        agent=agent,
        model=model,
        seed=seed,
        max_steps=max_steps,
        max_cost=max_cost,
    )
    journal, key = Journal(), Key.from_environment()
    with Watch(quiet=json) as watch:
        record = _interruptible(
            start_run(
                experiment,
                workplace=Workplace(journal=journal, key=key),
                listener=watch,
                out=out,
                notebook=_checked_notebook(notebook),
            )
        )
    _finish(journal, record, experiment, key=key, json=json)


def resume(
    run: Annotated[str, typer.Argument(help="Start of the run's id, or `last`.")],
    max_steps: MaxSteps = None,
    max_cost: MaxCost = None,
    json: JsonOption = False,
) -> None:
    """Go on with an interrupted or failed run, from the cell where it stopped."""
    from ..agent.anthropic import Key
    from ..runs import Workplace, resume_run

    journal, key = Journal(), Key.from_environment()
    record = journal.find_run(run)
    experiment = load_config(record.config)
    limits = {"max_steps": max_steps, "max_cost_usd": max_cost}
    with Watch(quiet=json) as watch:
        record = _interruptible(
            resume_run(
                experiment,
                record,
                workplace=Workplace(journal=journal, key=key),
                listener=watch,
                limits={name: value for name, value in limits.items() if value is not None},
            )
        )
    _finish(journal, record, experiment, key=key, json=json)


def sweep(
    configs: Annotated[list[str], typer.Argument(help="Configs, each a file or a name.")],
    runs: Annotated[int | None, typer.Option(min=1, help="Runs per config, with consecutive seeds.")] = None,
    agent: AgentOption = None,
    out: OutOption = Path("notebooks"),
    json: JsonOption = False,
) -> None:
    """Investigate several organisms several times, one after the other, and print the scores."""
    from ..agent.anthropic import Key
    from ..outcome import conclude
    from ..runs import Workplace, start_run

    experiments = [load_config(find_config(config)) for config in configs]
    journal, key = Journal(), Key.from_environment()
    workplace = Workplace(journal=journal, key=key)
    outcomes: list[Outcome] = []
    for experiment in experiments:
        for offset in range(runs or experiment.public.runs):
            one = _overridden(experiment, agent=agent, seed=experiment.public.seed + offset)
            with Watch(quiet=json) as watch:
                record = _interruptible(start_run(one, workplace=workplace, listener=watch, out=out))
            outcomes.append(asyncio.run(conclude(journal, record, one, key=key)))
    if json:
        print_json([outcome.summary() for outcome in outcomes])
    else:
        console.print(_outcome_table(outcomes))
    if any(outcome.record.status != "finished" for outcome in outcomes):
        raise typer.Exit(1)


def _overridden(
    experiment: Experiment,
    *,
    agent: str | None = None,
    model: str | None = None,
    seed: int | None = None,
    max_steps: int | None = None,
    max_cost: float | None = None,
) -> Experiment:
    choices = {"provider": agent, "model": model, "max_steps": max_steps, "max_cost_usd": max_cost}
    chosen = {name: value for name, value in choices.items() if value is not None}
    public = experiment.public.model_copy(
        update={
            "agent": experiment.public.agent.model_copy(update=chosen),
            "seed": experiment.public.seed if seed is None else seed,
        }
    )
    return Experiment(public=public, sealed=experiment.sealed, path=experiment.path)


def _checked_notebook(path: Path | None) -> Path | None:
    if path is not None and path.suffix != ".ipynb":
        raise BadInput(f"--notebook {path}: a notebook's name ends in .ipynb")
    return path


def _interruptible(work: Coroutine[Any, Any, Value]) -> Value:
    """Run ``work``; Ctrl-C and SIGTERM cancel it, so that it can record that it was interrupted."""

    async def main() -> Value:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _finish(journal: Journal, record: RunRecord, experiment: Experiment, *, key: Key | None, json: bool) -> None:
    from ..outcome import conclude

    outcome = asyncio.run(conclude(journal, record, experiment, key=key))
    if json:
        print_json(outcome.summary())
    else:
        console.print(_panel(outcome))
    if record.status != "finished":
        raise typer.Exit(1)


def _panel(outcome: Outcome) -> Panel:
    text = Text()
    if outcome.findings is None:
        text.append(f"{outcome.record.status}: {outcome.message}\n", style="bold yellow")
        text.append(f"go on with: interp-bench resume {outcome.record.id}\n")
    elif not outcome.findings.findings:
        text.append(f"{outcome.findings.summary}\n", style="bold green")
    for finding in outcome.findings.findings if outcome.findings else ():
        effect = f"effect {finding.effect_size:+.0%}, n = {finding.n}, " if finding.effect_size is not None else ""
        text.append(f"• {finding.claim}\n", style="bold green")
        text.append(f"  {effect}evidence {' '.join(finding.evidence)}\n")
    if outcome.verdict:
        text.append(f"\n{outcome.verdict}\n", style="bold")
    text.append(f"\nnotebook  {outcome.record.notebook}\nreport    {outcome.report}")
    return Panel(text, title=f"run {outcome.record.id}", subtitle=f"{outcome.steps} steps · {outcome.minutes:.1f} min")


def _outcome_table(outcomes: list[Outcome]) -> Table:
    table = Table("config", "seed", "run", "status", "claims", "score", "minutes")
    for outcome in outcomes:
        claims = len(outcome.findings.findings) if outcome.findings else 0
        table.add_row(
            outcome.record.experiment,
            str(outcome.seed),
            outcome.record.id,
            outcome.record.status,
            str(claims),
            outcome.verdict,
            f"{outcome.minutes:.1f}",
        )
    return table
