"""The server extension: its settings, its routes, and what lives as long as the server."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from jupyter_server.base.handlers import AuthenticatedFileHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from tornado.ioloop import PeriodicCallback
from traitlets import Bool, Dict, Enum, Float, Int, List, Unicode

from .errors import BadInput
from .handlers.by_hand import CallsHandler
from .handlers.configs import ConfigsHandler, InfoHandler
from .handlers.events import EventsHandler, FiguresHandler, StreamHandler
from .handlers.mcp import ROUTE, McpHandler
from .handlers.organisms import AskHandler, OrganismHandler, OrganismsHandler
from .handlers.report import ComparisonHandler, ReportHandler, RevealedReportHandler, RevealHandler, ScoreHandler
from .handlers.runs import (
    AgentHandler,
    ApprovalsHandler,
    CommandHandler,
    ForkHandler,
    MessagesHandler,
    ResumeHandler,
    RunHandler,
    RunsHandler,
)
from .models.key_variables import KEY_VARIABLE, KEY_VARIABLES, TOKEN_VARIABLE
from .notebook.listing import list_what_is_there
from .notebook.planted_links import FILES, FilesOfWorkFolders, follow_no_planted_links
from .organisms.places.hub.account import TOKEN_VARIABLE as TOKEN_OF_THE_HUB
from .organisms.places.hub.account import hub_account

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from .api import Provider
    from .handlers.desk import Desk, Setup
    from .mcp.endpoint import Endpoint

_ACTIVITY_EVERY_MS = 30_000
_RUN = r"runs/(?P<run>[0-9a-f]{8})"
ROUTES = (
    (r"", InfoHandler),
    (r"configs", ConfigsHandler),
    (r"runs", RunsHandler),
    (_RUN, RunHandler),
    (rf"{_RUN}/(?P<command>pause|unpause|stop)", CommandHandler),
    (rf"{_RUN}/resume", ResumeHandler),
    (rf"{_RUN}/fork", ForkHandler),
    (rf"{_RUN}/messages", MessagesHandler),
    (rf"{_RUN}/approvals", ApprovalsHandler),
    (rf"{_RUN}/agent", AgentHandler),
    (rf"{_RUN}/calls", CallsHandler),
    (rf"{_RUN}/score", ScoreHandler),
    (rf"{_RUN}/events", EventsHandler),
    (rf"{_RUN}/figures", FiguresHandler),
    (rf"{_RUN}/stream", StreamHandler),
    (rf"{_RUN}/report", ReportHandler),
    (rf"{_RUN}/report/revealed", RevealedReportHandler),
    (rf"{_RUN}/comparison", ComparisonHandler),
    (rf"{_RUN}/reveal", RevealHandler),
    (r"organisms", OrganismsHandler),
    (r"organisms/(?P<organism>[0-9a-f]{8})", OrganismHandler),
    (r"organisms/(?P<organism>[0-9a-f]{8})/ask", AskHandler),
)
"""Below ``<base_url>/interp_bench/api``."""


class InterpBenchApp(ExtensionApp):
    """Interp Bench inside a Jupyter server."""

    name = "interp_bench_ext"
    description = "Investigations of model organisms, beside the notebooks of a Jupyter server."

    config_folders = List(
        Unicode(),
        help="""Further folders of configs; each is listed under the folder's own name.

        Configs are found without this, too: in `interp_bench/configs` of every Jupyter data folder, and in `configs`
        below the server's own folder.""",
    ).tag(config=True)
    default_provider = Enum(
        ["playbook", "anthropic", None],
        default_value=None,
        allow_none=True,
        help="""The agent for configs that name none: `anthropic` or `playbook`.

        By default Claude where a key is set, else the playbook.""",
    ).tag(config=True)
    locked = Dict(
        key_trait=Unicode(),
        help="""What nobody may choose otherwise when a run is started or resumed, with its value.

        Any of `provider`, `model`, `approval`, `max_steps`, `max_cost_usd`, `max_minutes`, `seed`; for example
        `{"approval": "ask", "max_cost_usd": 2}`. The sidebar shows these fields as fixed.""",
    ).tag(config=True)
    locked_because = Unicode(
        "",
        help="""A sentence of yours that the sidebar shows below what is fixed: why it is, or whom to ask.""",
    ).tag(config=True)
    allowed = Dict(
        key_trait=Unicode(),
        help="""What may be chosen at all: lists under any of `configs` (names of organisms), `folders` (groups of the
        list: `Bundled`, `My configs`, `Installed`, or a folder's own name), `providers`, `models`, `places` (where
        organisms run) and `gpu_types`; what is left out is free.

        For example `{"folders": ["Course"], "providers": ["anthropic"], "models": ["claude-haiku-5-5"]}`.""",
    ).tag(config=True)
    at_most = Dict(
        key_trait=Unicode(),
        help="""The largest budgets that a run may have, by the names that configs use; a config's larger ones are
        lowered. For example `{"max_cost_usd": 5, "max_gpu_minutes": 60}`.""",
    ).tag(config=True)
    required_veil = Enum(
        ["sandboxed", "remote", None],
        default_value=None,
        allow_none=True,
        help="""The weakest veil that a run may have, by its place.""",
    ).tag(config=True)
    max_runs = Int(8, min=1, help="How many runs this server drives at once.").tag(config=True)
    max_organisms = Int(
        2,
        min=1,
        help="""How many organisms are loaded at once; each takes its model's memory.

        Runs of one config share one. When there is no room, the one that was idle longest is stopped.""",
    ).tag(config=True)
    organism_idle_minutes = Float(
        30, min=0, help="How long an organism stays loaded after its last use, so that the next run starts at once."
    ).tag(config=True)
    reveal = Bool(
        True,
        help="""Whether a person may open the ground truth of a run that has been scored, in the sidebar and the report.

        A config says the same of its own with `evaluation.reveal: false`.""",
    ).tag(config=True)
    mcp_all_runs = Bool(
        False,
        help="""Whether MCP clients may read, resume and fork runs that they have not begun, and work in any notebook.

        Another agent's cells may hold what a client is to find out by itself.""",
    ).tag(config=True)
    mcp_idle_minutes = Float(
        60, min=0.0, help="How long a run waits for its MCP client's next call before it ends; it can be resumed."
    ).tag(config=True)
    key_file = Unicode(
        help=f"""A file that holds Anthropic's API key.

        By default it is taken from {KEY_VARIABLE}, or {TOKEN_VARIABLE}, of the server's environment. It is
        removed from there in any case, so that no kernel inherits it."""
    ).tag(config=True)
    journal = Unicode(
        help="""The file that records all runs; by default `interp_bench/journal.sqlite` in the user's data folder.

        The command line uses that one, so its runs are listed here, too."""
    ).tag(config=True)

    def initialize_settings(self) -> None:
        self._opening: asyncio.Task[Desk] | None = None
        self._endpoint: Endpoint | None = None
        self._credentials = {name: value for name in KEY_VARIABLES if (value := os.environ.pop(name, ""))}
        if self.key_file:
            self._credentials = self._key_from_file()
        if self.serverapp is not None:
            follow_no_planted_links(self.serverapp.contents_manager)
            list_what_is_there(self.serverapp.contents_manager)

    def initialize_handlers(self) -> None:
        manager = None if self.serverapp is None else self.serverapp.contents_manager
        if manager is not None and manager.files_handler_class is AuthenticatedFileHandler:
            self.handlers.append((FILES, FilesOfWorkFolders, manager.files_handler_params))
        self.handlers.extend(
            (url_path_join("interp_bench/api", path) + "/?", kind, {"app": self}) for path, kind in ROUTES
        )
        self.handlers.append((f"{ROUTE}/?", McpHandler, {"app": self}))

    async def desk(self) -> Desk:
        """What the handlers work with, made at the first call. Raises BadInput where that is not possible (yet)."""
        if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def endpoint(self) -> Endpoint:
        """What answers MCP clients, made at the first call. Raises BadInput where that is not possible."""
        desk = await self.desk()
        if self._endpoint is None:
            make = await asyncio.to_thread(_import_mcp, self.mcp_all_runs, 60 * self.mcp_idle_minutes)
            if self._endpoint is None:  # another request may have been faster
                self._endpoint = make(desk)
        return self._endpoint

    def current_activity(self) -> list[str] | None:
        """Ids of the runs under way, for which a server without kernels stays."""
        desk = self._opened()
        return desk.runs.under_way() if desk is not None else None

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Import what the first request needs, while the browser still loads its page."""
        self._keep_the_hubs_token(serverapp)
        self._warming = asyncio.create_task(asyncio.to_thread(_import_desk))

    def _keep_the_hubs_token(self, serverapp: ServerApp) -> None:
        """Where the Hub's service is used, no kernel inherits the token by which this server is known there."""
        if hub_account() is not None:
            hub_auth = getattr(serverapp.identity_provider, "hub_auth", None)
            getattr(hub_auth, "api_token", None)  # asked once, it keeps a copy of its own
            os.environ.pop(TOKEN_OF_THE_HUB, None)

    async def stop_extension(self) -> None:
        if self._opening is not None:
            await asyncio.wait([self._opening])
        desk = self._opened()
        if desk is not None:
            self._activity.stop()
            await desk.runs.close()
            await desk.by_hand.close()
        if self._endpoint is not None:
            await self._endpoint.close()
        if desk is not None:
            await desk.runs.services.close()

    async def _open(self) -> Desk:
        # In a thread, so that the server goes on answering meanwhile.
        kind = await asyncio.to_thread(_import_desk)
        desk = await kind.open(self._setup())
        self._activity = PeriodicCallback(lambda: self._note_activity(desk), _ACTIVITY_EVERY_MS)
        self._activity.start()
        return desk

    def _opened(self) -> Desk | None:
        opening = self._opening
        done = opening is not None and opening.done() and opening.exception() is None
        return opening.result() if opening is not None and done else None

    def _setup(self) -> Setup:
        from .handlers.desk import Setup

        serverapp = self.serverapp
        assert serverapp is not None
        contents = serverapp.contents_manager
        return Setup(
            serverapp=serverapp,
            root=Path(getattr(contents, "root_dir", None) or serverapp.root_dir),
            hidden=contents.allow_hidden,
            config_folders=tuple(Path(folder).expanduser() for folder in self.config_folders),
            journal=Path(self.journal).expanduser() if self.journal else None,
            default_provider=cast("Provider | None", self.default_provider),
            locked=self.locked,
            locked_because=self.locked_because,
            allowed=self.allowed,
            at_most=self.at_most,
            required_veil=self.required_veil,
            max_runs=self.max_runs,
            max_organisms=self.max_organisms,
            organism_idle_s=60 * self.organism_idle_minutes,
            reveals=self.reveal,
            credentials=self._credentials,
            credentials_of_person=not self.key_file,
            log=self.log,
        )

    def _note_activity(self, desk: Desk) -> None:
        """Keep a hub from ending the server under a run that works; one that waits for a person may be resumed."""
        if self.serverapp is not None and desk.runs.under_way(waiting=False):
            self.serverapp.web_app.settings["last_activity_times"]["interp_bench"] = datetime.now(UTC)

    def _key_from_file(self) -> dict[str, str]:
        try:
            key = Path(self.key_file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.log.error("InterpBenchApp.key_file: %s cannot be read (%s)", self.key_file, type(error).__name__)
            return {}
        return {KEY_VARIABLE: key} if key else {}


def _import_desk() -> type[Desk]:
    from .handlers.desk import Desk

    return Desk


def _import_mcp(all_runs: bool, idle_s: float) -> Callable[[Desk], Endpoint]:
    if importlib.util.find_spec("mcp") is None:
        raise BadInput(
            "MCP clients need the package mcp, which this server does not have; pip install 'interp_bench_ext[mcp]',"
            " and restart the server"
        )
    from .mcp.clients import Clients
    from .mcp.endpoint import Endpoint

    def make(desk: Desk) -> Endpoint:
        locked = desk.info().locked
        return Endpoint(Clients(runs=desk.runs, attended=True, locked=locked, all_runs=all_runs, idle_s=idle_s))

    return make
