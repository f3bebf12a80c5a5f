"""The command that says what works on this machine, and how to get what does not."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ..config import Experiment, load_config
from ..installed import find_config
from ..record.journal import Journal
from .options import JsonOption
from .screen import console, print_json

if TYPE_CHECKING:
    from ..organisms.places.modal.doctor import Check

_INSTALL_LOCAL = "pip install 'interp_bench_ext[local]'"
_MARKS = {True: "[green]ok[/]", False: "[red]missing[/]", None: "[yellow]?[/]"}


def doctor(
    config: Annotated[
        str | None, typer.Argument(help="A config: exit 1 if something that it needs is missing.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say what works on this machine, and how to get what does not; with a config, whether it can run here."""
    experiment = load_config(find_config(config)) if config is not None else None
    checks = asyncio.run(_checks(experiment))
    if json:
        print_json([asdict(check) for check in checks])
    else:
        console.print(_table(checks))
    if not (_usable(checks) if experiment is None else all(check.ok is not False for check in checks if check.needed)):
        raise typer.Exit(1)


async def _checks(experiment: Experiment | None) -> list[Check]:
    from ..organisms.places.modal.doctor import modal_checks

    return [*_checks_here(experiment), *await modal_checks(experiment)]


def _checks_here(experiment: Experiment | None) -> Iterator[Check]:
    from ..models.key import Key
    from ..organisms.places.modal.doctor import Check
    from ..sandbox.bubblewrap import sandbox_available

    here = experiment is not None and experiment.public.execution_mode == "local"
    yield Check(what="Python", ok=True, state=sys.version.split()[0])
    missing = [name for name in ("torch", "transformers", "peft", "starlette") if not importlib.util.find_spec(name)]
    state = f"without {', '.join(missing)}" if missing else "ready"
    yield Check(what="local models", ok=not missing, state=state, mend=_INSTALL_LOCAL if missing else "", needed=here)
    driver = shutil.which("nvidia-smi") is not None
    wants_cuda = experiment is not None and here and experiment.sealed.model.device == "cuda"
    yield Check(
        what="GPU",
        ok=driver or not wants_cuda,
        state="an NVIDIA driver is there" if driver else "none found: local models run on the CPU",
        mend="" if driver or not wants_cuda else "set model.device: auto",
        needed=wants_cuda,
    )
    sandbox = sandbox_available()
    yield Check(what="sandbox", ok=sandbox is None, state=sandbox or "ready: kernels run under bubblewrap")
    yield _agent(experiment, key=Key.from_environment() is not None)
    yield Check(what="journal", ok=True, state=str(Journal().path))


def _agent(experiment: Experiment | None, *, key: bool) -> Check:
    from ..organisms.places.modal.doctor import Check

    if key:
        return Check(what="agent", ok=True, state="an API key is set: Claude investigates")
    agent = experiment.public.agent if experiment is not None else None
    named = agent.provider if agent is not None else None
    if agent is not None and named == "anthropic" and agent.platform == "anthropic" and agent.base_url is None:
        mend = "export ANTHROPIC_API_KEY=sk-ant-..., or run with --agent playbook"
        return Check(what="agent", ok=False, state="the config wants Claude, and no key is set", mend=mend, needed=True)
    return Check(what="agent", ok=True, state=f"no API key is set: the {named or 'playbook'} investigates")


def _usable(checks: list[Check]) -> bool:
    """Whether organisms can be run at all, here or on Modal."""
    return any(check.ok for check in checks if check.what in ("local models", "Modal"))


def _table(checks: list[Check]) -> Table:
    table = Table(show_header=False)
    for check in checks:
        mend = f"\n[bold]{escape(check.mend)}[/]" if check.mend else ""
        table.add_row(check.what, _MARKS[check.ok], escape(check.state) + mend)
    return table
