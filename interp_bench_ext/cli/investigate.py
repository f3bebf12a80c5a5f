"""Commands that drive one run: run, resume, fork."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.panel import Panel
from rich.text import Text

from ..config import Experiment, load_config
from ..errors import BadInput
from ..installed import find_config
from ..record.journal import RunRecord
from .confirm_cost import YesOption, confirm_cost
from .options import (
    ConfigOption,
    JsonOption,
    OutOption,
    RunArgument,
    WeakerVeilOption,
    checked_notebook,
    experiment_of,
    given,
    interruptible,
)
from .screen import Watch, output, print_json

if TYPE_CHECKING:
    from ..outcome import Outcome
    from ..runs import Services

ConfigArgument = Annotated[str, typer.Argument(help="A config file, or the name of an installed config.")]
AgentOption = Annotated[
    Literal["playbook", "anthropic", "claude-code", "codex", "gemini"] | None,
    typer.Option(
        "--agent",
        help="Who investigates: by default Claude where a key is set, else the offline playbook; or a program of yours"
        " that is installed and logged in.",
    ),
]
MaxSteps = Annotated[int | None, typer.Option(min=1, help="Budget of agent replies.")]
MaxCost = Annotated[float | None, typer.Option("--max-cost", min=0.0, help="Budget in US dollars.")]
SeedOption = Annotated[int | None, typer.Option(min=0, help="Seed of the offline agent's prompts and draws.")]


def run(
    config: ConfigArgument,
    agent: AgentOption = None,
    model: Annotated[str | None, typer.Option(help="The agent's model.")] = None,
    notebook: Annotated[Path | None, typer.Option(help="Notebook to work in, made if it does not exist.")] = None,
    out: OutOption = Path("notebooks"),
    seed: SeedOption = None,
    max_steps: MaxSteps = None,
    max_cost: MaxCost = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Investigate an organism: an agent works through a notebook until it names the secret or finds nothing."""
    experiment = overridden(
        load_config(find_config(config)),
        agent=agent,
        model=model,
        seed=seed,
        max_steps=max_steps,
        max_cost=max_cost,
    )
    from ..models.key import Key
    from ..runs import Services, start_run

    confirm_cost([experiment], yes=yes)
    services = Services.open(key=Key.from_environment())
    with Watch(quiet=json) as watch:
        environment = services.environment(experiment.path.stem, listener=watch)
        run = start_run(experiment, environment=environment, out=out, notebook=checked_notebook(notebook))
        record = interruptible(services.carry(run))
    _finish(services, record, experiment, json=json)


def resume(
    run: RunArgument,
    max_steps: MaxSteps = None,
    max_cost: MaxCost = None,
    config: ConfigOption = None,
    notebook: Annotated[
        Path | None, typer.Option(help="Where to go on, where the notebook's old place is not there any more.")
    ] = None,
    weaker_veil: WeakerVeilOption = False,
    json: JsonOption = False,
) -> None:
    """Go on with an interrupted or failed run, from the cell where it stopped."""
    from ..runs import start

    services, record, experiment = _found(run, config)
    with Watch(quiet=json) as watch:
        environment = services.environment(experiment.path.stem, listener=watch)
        limits, where = given(max_steps=max_steps, max_cost_usd=max_cost), checked_notebook(notebook)
        resumed = start.resume(
            experiment, record, environment=environment, limits=limits, notebook=where, weaker_veil=weaker_veil
        )
        record = interruptible(services.carry(resumed.drive()))
    _finish(services, record, experiment, json=json)


def fork(
    run: RunArgument,
    at: Annotated[
        str | None, typer.Option(help="The cell to go on from, such as c5; by default the last that has ended.")
    ] = None,
    message: Annotated[str | None, typer.Option(help="What to tell the agent before it goes on.")] = None,
    agent: AgentOption = None,
    model: Annotated[str | None, typer.Option(help="The agent's model.")] = None,
    max_steps: MaxSteps = None,
    max_cost: MaxCost = None,
    notebook: Annotated[Path | None, typer.Option(help="The fork's notebook, a file that is not there yet.")] = None,
    out: OutOption = Path("notebooks"),
    config: ConfigOption = None,
    weaker_veil: WeakerVeilOption = False,
    json: JsonOption = False,
) -> None:
    """Go another way from a cell of a run: a new run with a copy of its notebook up to there. The old one stays."""
    from ..runs import carry_through, start

    services, parent, experiment = _found(run, config)
    with Watch(quiet=json) as watch:
        begun = start.fork(
            experiment,
            parent,
            at=at,
            message=message,
            changes=given(provider=agent, model=model, max_steps=max_steps, max_cost_usd=max_cost),
            environment=services.environment(experiment.path.stem, listener=watch),
            out=out,
            notebook=checked_notebook(notebook),
            weaker_veil=weaker_veil,
        )
        record = interruptible(services.carry(carry_through(begun, services.journal)))
    _finish(services, record, experiment, json=json)


def overridden(
    experiment: Experiment,
    *,
    agent: str | None = None,
    model: str | None = None,
    seed: int | None = None,
    max_steps: int | None = None,
    max_cost: float | None = None,
) -> Experiment:
    """``experiment`` with what the command line says otherwise."""
    if agent == "playbook" and model is not None:
        raise BadInput(f"--model {model}: the playbook follows a protocol, without a model; leave out one of the two")
    led = experiment.public.agent.led_by(agent, model)
    public = experiment.public.model_copy(
        update={
            "agent": led.model_copy(update=given(max_steps=max_steps, max_cost_usd=max_cost)),
            "seed": experiment.public.seed if seed is None else seed,
        }
    )
    return experiment.with_public(public)


def _found(run: str, config: str | None) -> tuple[Services, RunRecord, Experiment]:
    """A run of the journal with its config, and what goes on with it."""
    from ..models.key import Key
    from ..runs import Services

    services = Services.open(key=Key.from_environment())
    record = services.journal.find_run(run)
    return services, record, experiment_of(record, config)


def _finish(services: Services, record: RunRecord, experiment: Experiment, *, json: bool) -> None:
    from ..outcome import conclude

    outcome = asyncio.run(conclude(services.journal, record, experiment, key=services.key))
    if json:
        print_json(outcome.summary())
    else:
        output.print(panel(outcome))
    if record.status != "finished":
        raise typer.Exit(1)


def panel(outcome: Outcome) -> Panel:
    """How a run ended, for a terminal."""
    text = Text()
    if outcome.findings is None:
        text.append(f"{outcome.record.status}: {outcome.message}\n", style="bold yellow")
        text.append(f"go on with: interp-bench resume {outcome.record.id}\n")
    elif not outcome.findings.findings:
        text.append(f"{outcome.findings.summary}\n", style="bold green")
    for finding in outcome.findings.findings if outcome.findings else ():
        effect = f"effect {finding.effect_size:+.0%}, {finding.n} samples, " if finding.effect_size is not None else ""
        text.append(f"• {finding.claim}\n", style="bold green")
        text.append(f"  {effect}evidence {' '.join(finding.evidence)}\n")
    if outcome.verdict:
        text.append(f"\n{outcome.verdict}\n", style="bold")
    text.append(f"\nnotebook  {outcome.record.notebook}\nreport    {outcome.report}")
    return Panel(
        text,
        title=f"run {outcome.record.id}",
        subtitle=f"{outcome.figures.steps} steps · {outcome.figures.minutes():.1f} min",
    )
