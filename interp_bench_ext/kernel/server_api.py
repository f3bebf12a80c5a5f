"""Interp Bench on this notebook's Jupyter server: the routes of ``api.py`` as calls."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InterpBenchError
from .progress import Progress
from .server import JupyterServer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..api import ConfigCard, HeldOrganism, OrganismState, RunSummary, ToolAnswer
    from ..record.events import HypothesisNoted

    Reply = TypeVar("Reply", bound=BaseModel)

_API = "interp_bench/api"
_OTHER_VERSION = (
    "This notebook's interp_bench_ext and the Jupyter server's are of different versions: update the older one,"
    " then restart it."
)


class ServerApi:
    """What a person's notebook asks of its server."""

    def __init__(self, server: JupyterServer) -> None:
        self._server = server

    def check(self) -> None:
        """Raise where the server has no Interp Bench, or one that this kernel does not understand."""
        from ..api import API_VERSION

        info = self._server.get(_API)
        if info.get("api") != API_VERSION:
            raise InterpBenchError(_OTHER_VERSION)

    def configs(self) -> list[ConfigCard]:
        from ..api import ConfigCard

        return [_read(ConfigCard, card) for card in self._server.get(f"{_API}/configs")]

    def organisms(self) -> list[OrganismState]:
        from ..api import OrganismState

        return [_read(OrganismState, state) for state in self._server.get(f"{_API}/organisms")]

    def hold(self, config: str) -> HeldOrganism:
        """Load the organism, or find it loaded; shows how far it is."""
        from ..api import HeldOrganism

        with Progress(config, show_after_s=0.5) as progress:

            def look() -> None:
                # Not to see how far it is for a moment is no reason to give up waiting for it.
                with contextlib.suppress(InterpBenchError):
                    for state in self.organisms():
                        if state.config == config and state.state == "loading":
                            progress.update(state.stage or "starting", state.done, state.total)

            body = {"request_id": uuid.uuid4().hex, "config": config}
            return _read(HeldOrganism, self._server.post(f"{_API}/organisms", body, meanwhile=look))

    def start(self, config: str, **choices: Any) -> RunSummary:
        """Start an investigation; ``choices`` are fields of ``StartRun``."""
        from ..api import RunSummary

        body = {"request_id": uuid.uuid4().hex, "config": config, **choices}
        with Progress(config) as progress:
            started = self._server.post(f"{_API}/runs", body, meanwhile=lambda: progress.waiting("starting"))
            return _read(RunSummary, started)

    def resume(self, run: str, **limits: Any) -> RunSummary:
        """Go on with a run; ``limits`` are fields of ``ResumeRun``."""
        from ..api import RunSummary

        with Progress(f"run {run}") as progress:
            body = {"request_id": uuid.uuid4().hex, **limits}
            resumed = self._server.post(
                f"{_API}/runs/{run}/resume", body, meanwhile=lambda: progress.waiting("resuming")
            )
            return _read(RunSummary, resumed)

    def call(self, run: str, name: str, arguments: dict[str, Any]) -> ToolAnswer:
        """Carry out a tool's call in a run that is led by hand; an interrupt here interrupts its cell."""
        from ..api import ToolAnswer

        body = {"request_id": uuid.uuid4().hex, "name": name, "arguments": arguments}
        with Progress(f"run {run}") as progress:
            answer = self._server.post(f"{_API}/runs/{run}/calls", body, meanwhile=lambda: progress.waiting("working"))
            return _read(ToolAnswer, answer)

    def score(self, run: str) -> RunSummary:
        """Score a run that has ended."""
        from ..api import RunSummary

        return _read(RunSummary, self._server.post(f"{_API}/runs/{run}/score", {"request_id": uuid.uuid4().hex}))

    def runs(self) -> list[RunSummary]:
        """All runs, the newest first."""
        from ..api import RunSummary

        return [_read(RunSummary, run) for run in self._server.get(f"{_API}/runs")]

    def stop(self, run: str) -> RunSummary:
        from ..api import RunSummary

        with Progress(f"run {run}") as progress:
            body = {"request_id": uuid.uuid4().hex}
            stopped = self._server.post(f"{_API}/runs/{run}/stop", body, meanwhile=lambda: progress.waiting("stopping"))
            return _read(RunSummary, stopped)

    def hypotheses(self, run: str) -> list[HypothesisNoted]:
        """What the run's agent has noted so far, in order."""
        from ..record.events import HypothesisNoted

        events = (entry["event"] for entry in self._server.get(f"{_API}/runs/{run}/events"))
        return [_read(HypothesisNoted, event) for event in events if event["type"] == "hypothesis_noted"]

    def notebook(self) -> str | None:
        """Path of this kernel's own notebook below the server's root folder."""
        return self._server.notebook()


def _read(kind: type[Reply], content: Any) -> Reply:
    from pydantic import ValidationError

    try:
        return kind.model_validate(content)
    except ValidationError:
        raise InterpBenchError(_OTHER_VERSION) from None
