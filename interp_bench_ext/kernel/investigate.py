"""What a person does from a notebook: choose an organism, start investigations, watch and stop them."""

from __future__ import annotations

import argparse
import os
import posixpath
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..contracts import Connection
from ..errors import BadInput, InterpBenchError, Unconfirmed
from ..wrong_input import is_like, nearest
from . import by_hand
from .by_hand import ByHand
from .client import RemoteOrganism, Served, served_organisms, use
from .listing import Listing, Pointer, Text
from .person_lines import CHOICES, person_parser
from .run_tables import held_state, run_table, runs_here, runs_table, steps_left
from .server import find_server
from .server_api import ServerApi

if TYPE_CHECKING:
    from ..api import RunSummary

_GIVEN = (
    "This notebook's organism is given to it from outside, as in a run: %interp organisms, use, start and stop belong"
    " to a person's own notebook."
)
_NO_SERVER = (
    "This needs a notebook of a Jupyter server with Interp Bench; in a terminal, `interp-bench {}` does the same."
)
_NOT_SERVED = (
    "No Jupyter server with Interp Bench was found for this notebook, and nobody serves {0} here: run"
    " `interp-bench serve {0}` in a terminal, then this cell again."
)


class Person:
    """The subcommands that act for a person, and which organism they chose."""

    def __init__(self, bind: Callable[[RemoteOrganism], None]) -> None:
        self._bind = bind
        self._using = ""
        """Name of the config in use; empty before any was chosen."""
        self._by_hand: ByHand | None = None

    @property
    def leads(self) -> bool:
        """Whether an investigation is led from here, so that the lines for the organism go to it."""
        return self._by_hand is not None

    def ask(self, line: str, cell: str | None) -> Any:
        """A technique's line of the investigation that is led from here."""
        return self._led().ask(line, cell)

    def run(self, name: str, words: Sequence[str], cell: str | None = None) -> Any:
        """Do what the line says. Raises BadInput, or what the server refuses."""
        if name in by_hand.COMMANDS:
            shown = self._led().do(name, words, cell)
            return shown if name != "finish" else self._finished(shown)
        given = person_parser(name).read(words)
        actions: dict[str, Callable[[argparse.Namespace], Any]] = {
            "organisms": self._organisms,
            "use": self._use,
            "start": self._start,
            "investigate": self._investigate,
            "status": self._status,
            "stop": self._stop,
        }
        return actions[name](given)

    def completions(self, name: str, before: Sequence[str]) -> list[str]:
        """What may come after ``before`` on the line of the subcommand ``name``."""
        made, last = person_parser(name), before[-1] if before else ""
        if last in made.flags and last != "--here":
            return list(CHOICES.get(last, ()))
        options = [*made.flags, "--help"]
        return [*self._names(name), *options] if made.takes_words and not before else options

    def _names(self, command: str) -> list[str]:
        server_api = _find_server_api()
        if server_api is None:
            return [served.name for served in served_organisms()] if command == "use" else []
        if command in ("use", "start", "investigate"):
            return [card.name for card in server_api.configs() if card.problem is None]
        runs = [run for run in server_api.runs() if command == "status" or run.status == "running"]
        return [*(run.id for run in runs), "last"]

    def explain_unknown(self, name: str, known: Iterable[str]) -> None:
        """Say why ``%interp NAME`` is not done while no organism is in use: it is misspelt, or one has to be taken.

        Raises:
            BadInput: Unless nothing is known about either.
        """
        server_api = _find_server_api()
        if server_api is None:
            return
        techniques = {technique for card in server_api.configs() for technique in card.techniques}
        # Short names are parts of long ones.
        parts = {part for technique in techniques for part in (technique, *technique.split("_"))}
        if name not in parts and is_like(name, [*techniques, *known]):
            raise BadInput(f"%interp has no subcommand {name!r}{nearest(name, [*techniques, *known])}")
        loaded = [state.config for state in server_api.organisms() if state.state in ("ready", "busy")]
        if loaded:
            ways = ", ".join(f"`%interp use {config}`" for config in loaded)
            raise BadInput(f"This notebook has no organism yet: {ways} takes one that is loaded.")

    def _organisms(self, given: argparse.Namespace) -> Listing:
        _refuse_in_a_run()
        server_api = _find_server_api()
        if server_api is None:
            rows = [[served.name, "served by interp-bench"] for served in served_organisms()]
            return Listing(["organism", "state"], rows, "`interp-bench configs` in a terminal lists all configs.")
        held = {state.config: state for state in server_api.organisms()}
        cards = sorted(server_api.configs(), key=lambda card: not runs_here(card))
        here = [card for card in cards if runs_here(card)]
        shown = cards if given.all else here
        rows = [
            [
                card.name,
                held_state(held.get(card.name), in_use=card.name == self._using),
                card.place,
                card.access,
                card.problem or card.obstacle or card.description or card.task.split("\n")[0],
            ]
            for card in shown
        ]
        others = len(cards) - len(shown)
        note = f" {others} more cannot be started here: %interp organisms --all lists them." if others else ""
        columns = ["organism", "state", "where", "access", "what it is"]
        return Listing(columns, rows, f"%interp use NAME loads one.{note}")

    def _use(self, given: argparse.Namespace) -> Text:
        _refuse_in_a_run()
        server_api = _find_server_api()
        if server_api is None:
            served, device = _served(given.config), ""
        else:
            held = server_api.hold(given.config)
            served = Served(held.organism.config, Connection(held.url, held.token))
            device = f" on {held.organism.device}"
        self._bind(use(served))
        self._using = served.name
        return Text(f"{served.name} is ready{device}: %interp and the variable `organism` use it.")

    def _start(self, given: argparse.Namespace) -> Pointer | Text:
        server_api = _needed_server_api("run CONFIG")
        own = server_api.notebook()
        choices = {key: value for key, value in vars(given).items() if value is not None}
        choices.pop("here")
        try:
            run = server_api.start(**{**choices, "notebook": _place(given, own)})
        except Unconfirmed as error:
            raise BadInput(f"{error.message} Add --yes to start it all the same.") from None
        if run.notebook is None:
            return Text(f"Run {run.id} has started.")
        return Pointer(f"Run {run.id} has started in", *_link(run, own))

    def _investigate(self, given: argparse.Namespace) -> Pointer:
        server_api = _needed_server_api("investigate CONFIG")
        if (given.config is None) == (given.resume is None):
            raise BadInput("%interp investigate takes the name of a config, or --resume with a run of yours.")
        own = server_api.notebook()
        limits = {name: getattr(given, name) for name in ("max_steps", "max_minutes")}
        limits = {name: value for name, value in limits.items() if value is not None}
        if given.resume is not None:
            run = server_api.resume(_named(server_api.runs(), given.resume).id, **limits)
        else:
            choices = limits | ({} if given.seed is None else {"seed": given.seed})
            notebook = _beside(given.notebook, own)
            run = server_api.start(given.config, provider="person", notebook=notebook, **choices)
        self._by_hand = ByHand(run.id, lambda name, arguments: server_api.call(run.id, name, arguments))
        task = next((card.task for card in server_api.configs() if card.name == run.config), "").strip()
        said = f"{task}\nAsk with %interp TECHNIQUE, run code with %%interp cell, then %interp finding and finish."
        return Pointer(f"{said}\nRun {run.id} ({steps_left(run)}) is written down in", *_link(run, own))

    def _led(self) -> ByHand:
        if self._by_hand is None:
            raise BadInput("No investigation is led from this notebook: %interp investigate CONFIG begins one.")
        return self._by_hand

    def _finished(self, said: Text) -> Text:
        """What is told at the end: that the findings are recorded, and the score where there is one."""
        run, self._by_hand = self._led().run, None
        try:
            scored = _needed_server_api("score last").score(run)
        except InterpBenchError as error:
            return Text(f"{said}\n{error.message}")
        return Text(f"{said}\n{scored.verdict}".rstrip())

    def _status(self, given: argparse.Namespace) -> Listing | None:
        server_api = _find_server_api()
        if given.run:
            if server_api is None:
                raise BadInput(_NO_SERVER.format(f"show {given.run}"))
            return run_table(server_api, _named(server_api.runs(), given.run))
        if server_api is None:
            return None
        loaded = ", ".join(
            f"{state.config} ({held_state(state, in_use=state.config == self._using)})"
            for state in server_api.organisms()
        )
        return runs_table(server_api, server_api.runs(), f"Organisms on this server: {loaded or 'none'}. ")

    def _stop(self, given: argparse.Namespace) -> Text:
        server_api = _needed_server_api("runs")
        running = [run for run in server_api.runs() if run.status == "running" and run.here]
        if not running:
            raise BadInput("No run is under way on this server: %interp status lists them all.")
        run = server_api.stop(_named(running, given.run).id)
        return Text(f"Run {run.id} is {run.status}{f': {run.message}' if run.message else '.'}")


def _place(given: argparse.Namespace, own: str | None) -> str | None:
    """The notebook to work in, as a path below the server's root; None for a new one."""
    if given.here:
        if own is None or given.notebook is not None:
            raise BadInput("%interp start: --here works in this notebook, which must be open in Jupyter, and no other.")
        return own
    return _beside(given.notebook, own)


def _beside(notebook: str | None, own: str | None) -> str | None:
    """A notebook named on a line, as a path below the server's root; None for none."""
    if notebook is None:
        return None
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(own or ""), notebook)).lstrip("/")


def _link(run: RunSummary, own: str | None) -> tuple[str, str]:
    """Path of a run's notebook, and where it lies from the notebook ``own``."""
    path = run.notebook or ""
    return path, quote(posixpath.relpath(path, posixpath.dirname(own or "") or ".")) if path else ""


def _find_server_api() -> ServerApi | None:
    """None where this kernel belongs to no Jupyter server, or to a run."""
    if _is_given():
        return None
    server = find_server()
    if server is None:
        return None
    server_api = ServerApi(server)
    server_api.check()
    return server_api


def _needed_server_api(otherwise: str) -> ServerApi:
    _refuse_in_a_run()
    server_api = _find_server_api()
    if server_api is None:
        raise BadInput(_NO_SERVER.format(otherwise))
    return server_api


def _refuse_in_a_run() -> None:
    if _is_given():
        raise BadInput(_GIVEN)


def _is_given() -> bool:
    """Whether this is a kernel that was started with its organism; a Jupyter server's own kernels know their file."""
    return "INTERP_BENCH_URL" in os.environ and "JPY_SESSION_NAME" not in os.environ


def _served(config: str) -> Served:
    for served in served_organisms():
        if served.name == config:
            return served
    raise InterpBenchError(_NOT_SERVED.format(config))


def _named(runs: Sequence[RunSummary], name: str) -> RunSummary:
    """The run whose id begins with ``name``, or the newest for ``last``."""
    found = [run for run in runs if run.id.startswith(name)] if name != "last" else list(runs[:1])
    if len(found) == 1:
        return found[0]
    hint = nearest(name, [run.id for run in runs], otherwise="%interp status lists them.")
    problem = "More than one run" if found else "No run"
    raise BadInput(f"{problem} has an id that begins with {name!r}{hint}")
