"""Everything behind the routes, put together: imported with the first request, because it takes a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp

from ..api import API_VERSION, InstalledProgram, Provider, ServerInfo
from ..mcp.clients import Clients
from ..models.key import Key
from ..models.prices import DEFAULT_MODEL, load_prices
from ..notebook.renames import Renames
from ..notebook.server import ServerNotebooks
from ..programs.installed import on_path
from ..record.veil_words import program_reach
from ..runs import Services
from ..runs.catalog import Catalog
from ..runs.idempotency import Once
from ..runs.manager import RunManager
from ..runs.notebook_paths import Places
from ..runs.policy import Policy
from ..runs.rules import Rules
from ..sandbox.bubblewrap import sandbox_available

_PERSON_IDLE_S = 4 * 3600.0
"""How long a run that a person leads waits for their next call; it can be resumed."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the server extension has found out as it started."""

    serverapp: ServerApp
    root: Path
    """The folder that the server shows."""
    hidden: bool
    """Whether it shows hidden files."""
    config_folders: tuple[Path, ...]
    journal: Path | None
    """None: the user's own."""
    default_provider: Provider | None
    locked: Mapping[str, Any]
    locked_because: str
    allowed: Mapping[str, Any]
    at_most: Mapping[str, Any]
    required_veil: str | None
    max_runs: int
    max_organisms: int
    organism_idle_s: float
    reveals: bool
    """Whether a person may open the ground truth of a scored run."""
    credentials: Mapping[str, str]
    """What was in the environment of the server, under the names that it had there."""
    credentials_of_person: bool
    """Whether they are those of whoever started the server, and not an administrator's file."""
    log: logging.Logger

    def __repr__(self) -> str:
        return "Setup(…)"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What handlers work with."""

    runs: RunManager
    by_hand: Clients
    """Runs that people lead here by hand."""
    once: Once
    info: Callable[[], ServerInfo]
    reveals: bool
    """Whether a person may open the ground truth of a scored run."""

    @classmethod
    async def open(cls, setup: Setup) -> Desk:
        """Raises BadInput where the journal, a price list or an administrator's setting is of no use."""
        rules = Rules.of(allowed=setup.allowed, at_most=setup.at_most, required_veil=setup.required_veil)
        key = Key.from_environment(dict(setup.credentials), of_person=setup.credentials_of_person)
        default = _default_provider(setup, rules, key is not None)
        policy = Policy(max_runs=setup.max_runs, default_provider=default, locked=setup.locked, rules=rules)
        notebooks = ServerNotebooks(setup.serverapp)
        info = await asyncio.to_thread(_info, setup, rules, default, key is not None)
        services = await asyncio.to_thread(
            Services.open,
            journal=setup.journal,
            key=key,
            notebook=notebooks.open,
            begin=notebooks.begin,
            idle_s=setup.organism_idle_s,
            at_most=setup.max_organisms,
        )
        manager = RunManager(
            services,
            catalog=Catalog(root=setup.root, extra=setup.config_folders, rules=rules),
            places=Places(setup.root, hidden=setup.hidden),
            policy=policy,
            log=setup.log,
        )
        Renames.of(setup.serverapp).tell(manager)
        return cls(
            runs=manager,
            by_hand=Clients(runs=manager, attended=True, locked=setup.locked, all_runs=True, idle_s=_PERSON_IDLE_S),
            once=Once(),
            info=lambda: info.model_copy(update={"collaboration": notebooks.collaboration}),
            reveals=setup.reveals,
        )


def _own_agents(has_key: bool) -> list[Provider]:
    """Those that are here without another program, the usual one last."""
    return ["playbook", "anthropic"] if has_key else ["playbook"]


def _info(setup: Setup, rules: Rules, default: Provider | None, has_key: bool) -> ServerInfo:
    own = _own_agents(has_key)
    programs = [
        InstalledProgram(provider=program.name, title=program.title, reach=program_reach(program.name))
        for program in on_path()
    ]
    providers = rules.of_providers([*own, *(program.provider for program in programs)])
    chosen = setup.locked.get("provider", default)
    models = sorted(load_prices(), key=lambda name: (name != DEFAULT_MODEL, name))
    return ServerInfo(
        version=version("interp_bench_ext"),
        api=API_VERSION,
        providers=providers,
        programs=[program for program in programs if program.provider in providers],
        default_provider=chosen if chosen in providers else (rules.of_providers(own) or own)[-1],
        models=rules.of_models(models),
        collaboration=False,
        sandbox_problem=sandbox_available(),
        locked=dict(setup.locked),
        locked_because=setup.locked_because,
        reveals=setup.reveals,
        at_most=dict(rules.at_most),
    )


def _default_provider(setup: Setup, rules: Rules, has_key: bool) -> Provider | None:
    """For configs that leave the agent open; where not all is allowed, one that is."""
    if setup.default_provider is not None or not rules.choose_agents:
        return setup.default_provider
    allowed = rules.of_providers(_own_agents(has_key))
    return allowed[-1] if allowed else None
