"""The command that says what works on this machine, and how to get what does not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ..config import Experiment, load_config
from ..errors import BadInput
from ..installed import find_config
from ..organisms.placement import Check, find_place, place_of
from ..places import places
from ..record.journal import Journal
from .options import JsonOption
from .screen import output, print_json

_MARKS = {True: "[green]ok[/]", False: "[red]missing[/]", None: "[yellow]?[/]"}


def doctor(
    config: Annotated[
        str | None, typer.Argument(help="A config: exit 1 if something that it needs is missing.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say what works on this machine, and how to get what does not; with a config, whether it can run here."""
    experiment = load_config(find_config(config)) if config is not None else None
    by_place = asyncio.run(_checks_of_places(experiment))
    checks = [*_checks_here(experiment), *chain.from_iterable(by_place)]
    if json:
        print_json([asdict(check) for check in checks])
    else:
        output.print(_table(checks))
    usable = any(of_place[0].ok for of_place in by_place if of_place)
    lacking = any(check.ok is False for check in checks if check.needed)
    if lacking if experiment is not None else not usable:
        raise typer.Exit(1)


async def _checks_of_places(experiment: Experiment | None) -> list[list[Check]]:
    """A list for each place: whether organisms can run there, then what else was looked at."""
    own = None if experiment is None else place_of(experiment)
    found = []
    for name in places():
        try:
            place = find_place(name)
            found.append([*await place.checks(experiment if place is own else None)])
        except BadInput as error:
            found.append([Check(what=name, ok=False, state=str(error))])
    return found


def _checks_here(experiment: Experiment | None) -> Iterator[Check]:
    from ..models.key import Key
    from ..sandbox.bubblewrap import sandbox_available

    yield Check(what="Python", ok=True, state=sys.version.split()[0])
    sandbox = sandbox_available()
    yield Check(what="sandbox", ok=sandbox is None, state=sandbox or "ready: kernels run under bubblewrap")
    yield _agent(experiment, key=Key.from_environment() is not None)
    yield Check(what="journal", ok=True, state=str(Journal().path))


def _agent(experiment: Experiment | None, *, key: bool) -> Check:
    if key:
        return Check(what="agent", ok=True, state="an API key is set: Claude investigates")
    agent = experiment.public.agent if experiment is not None else None
    named = agent.provider if agent is not None else None
    if agent is not None and named == "anthropic" and agent.platform == "anthropic" and agent.base_url is None:
        mend = "export ANTHROPIC_API_KEY=sk-ant-..., or run with --agent playbook"
        return Check(what="agent", ok=False, state="the config wants Claude, and no key is set", mend=mend, needed=True)
    return Check(what="agent", ok=True, state=f"no API key is set: the {named or 'playbook'} investigates")


def _table(checks: list[Check]) -> Table:
    table = Table(show_header=False)
    for check in checks:
        mend = f"\n[bold]{escape(check.mend)}[/]" if check.mend else ""
        table.add_row(check.what, _MARKS[check.ok], escape(check.state) + mend)
    return table
