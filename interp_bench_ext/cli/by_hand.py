"""The command with which a person investigates in a terminal."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..config import Experiment, load_config
from ..errors import BadInput, InterpBenchError, NotNow
from ..installed import find_config
from ..paths import outside_work_folders
from .investigate import ConfigArgument, MaxSteps, SeedOption, overridden
from .screen import complain, output

if TYPE_CHECKING:
    from ..kernel.by_hand import ByHand
    from ..mcp.clients import Clients, Lead
    from ..runs.manager import RunManager

_HELP = """\
chat "Who are you?"        a technique and its options, as after %interp; `techniques` lists them
> print(6 * 7)             code in the notebook, where `organism` is connected
note CLAIM --status open --evidence c3
finding CLAIM --evidence c3 --control c4 --effect 0.8 -n 10
finish SUMMARY             ends the investigation and hands in the findings
quit                       leaves it unfinished"""


def investigate(
    config: ConfigArgument,
    notebooks: Annotated[Path, typer.Option(help="Folder for the run's notebook; made if need be.")] = Path(
        "notebooks"
    ),
    seed: SeedOption = None,
    max_steps: MaxSteps = None,
) -> None:
    """Investigate an organism by hand, line by line: the same notebook, budgets and score as an agent's."""
    experiment = overridden(load_config(find_config(config)), seed=seed, max_steps=max_steps)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    folder = outside_work_folders(notebooks)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--notebooks {folder}: cannot be made ({error.strerror}); choose another folder") from None
    asyncio.run(_investigate(experiment, folder))


async def _investigate(experiment: Experiment, folder: Path) -> None:
    from ..mcp.clients import Clients
    from ..runs import Services
    from ..runs.catalog import Catalog
    from ..runs.manager import RunManager
    from ..runs.notebook_paths import Places
    from ..runs.policy import Policy

    runs = RunManager(
        Services.open(at_most=1),
        catalog=Catalog(root=Path.cwd(), extra=[experiment.folder]),
        places=Places(folder),
        policy=Policy(max_runs=1),
        log=logging.getLogger(__name__),
    )
    clients = Clients(runs=runs, attended=False, all_runs=True)
    try:
        await _lead(runs, clients, experiment)
    finally:
        await runs.close()
        await clients.close()
        await runs.services.close()


async def _lead(runs: RunManager, clients: Clients, experiment: Experiment) -> None:
    from ..api import StartRun
    from ..kernel.by_hand import ByHand
    from ..mcp.clients import Client

    client = Client(key="terminal", name="", leader="person")
    asked = StartRun(
        request_id=secrets.token_hex(8),
        config=runs.catalog.name_of(experiment.path, experiment=experiment.public.experiment_name),
        provider="person",
        max_steps=experiment.public.agent.max_steps,
        seed=experiment.public.seed,
    )
    with output.status("the organism loads"):
        lead = await clients.start(client, asked)
        await lead.provider.opened()
    if lead.provider.over:
        raise NotNow(runs.summary(lead.run).message)
    output.print(
        f"{experiment.public.task}\n\nrun {lead.run}, {experiment.public.agent.max_steps} steps; `help` says more"
    )
    loop = asyncio.get_running_loop()

    def call(name: str, arguments: dict[str, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(_answer(runs, clients, lead, name, arguments), loop).result()

    finished = await asyncio.to_thread(_converse, ByHand(lead.run, call))
    if finished:
        await _conclude(runs, lead, experiment)


async def _answer(runs: RunManager, clients: Clients, lead: Lead, name: str, arguments: dict[str, Any]) -> Any:
    if lead.provider.over:
        raise NotNow(f"run {lead.run} has ended: {runs.summary(lead.run).message}")
    return await clients.answer(lead.client, name, arguments)


def _converse(run: ByHand) -> bool:
    """Carry out line after line; whether the investigation was finished."""
    while not run.over:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return False
        if line in ("quit", "exit"):
            return False
        try:
            shown = _carried_out(run, line)
        except InterpBenchError as error:
            complain(error.message)
        else:
            if shown is not None:
                output.print(str(shown), markup=False, highlight=False)
    return True


def _carried_out(run: ByHand, line: str) -> Any:
    from ..kernel import by_hand

    if not line:
        return None
    if line == "help":
        return _HELP
    if line.startswith(">"):
        return run.code(line.removeprefix(">").strip())
    name, _, rest = line.partition(" ")
    if name in by_hand.COMMANDS:
        return run.do(name, _words(rest), None)
    return run.ask(line, None)


def _words(text: str) -> Sequence[str]:
    from ..kernel.line import Line

    return [str(word) for word in Line.read(text, {}).words]


async def _conclude(runs: RunManager, lead: Lead, experiment: Experiment) -> None:
    from ..outcome import conclude
    from .investigate import panel

    await runs.closed(lead.run)
    journal = runs.services.journal
    outcome = await conclude(journal, runs.record(lead.run), experiment)
    output.print(panel(outcome))
