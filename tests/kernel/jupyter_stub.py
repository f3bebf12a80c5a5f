"""A Jupyter server as a kernel sees it: real HTTP, the routes of ``api.py``, and what is asked of it."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from interp_bench_ext.api import (
    API_VERSION,
    ConfigCard,
    EventEntry,
    HeldOrganism,
    OrganismState,
    Problem,
    RunFigures,
    RunSummary,
    ServerInfo,
    StartRun,
    UseOrganism,
)
from interp_bench_ext.contracts import Connection
from interp_bench_ext.record.cell_events import CellAdded
from interp_bench_ext.record.clock import Clock
from interp_bench_ext.record.events import HypothesisNoted
from interp_bench_ext.record.figures import Figures

BASE = "/user/ada"
TOKEN = "server-token"


def state(config: str, *, loading: int | None = None) -> OrganismState:
    return OrganismState(
        id="0a0b0c0d",
        config=config,
        state="ready" if loading is None else "loading",
        stage="" if loading is None else "weights",
        done=loading or 0,
        total=0 if loading is None else 4,
        device="cpu",
        runs=[],
    )


def summary(run: str, **more: Any) -> RunSummary:
    given: dict[str, Any] = {
        "id": run,
        "experiment": "birch",
        "config": "birch",
        "notebook": "lab/birch 2.ipynb",
        "status": "running",
        "waiting": None,
        "here": True,
        "agent": "playbook",
        "seed": 0,
        "veil": "sandboxed",
        "created": 0.0,
        "figures": RunFigures.of(Figures(Clock(active_s=204), 7, cost_usd=0.31, limits={"steps": 40, "cost": 2})),
        "findings": None,
        "message": "",
        "verdict": "",
    }
    return RunSummary(**{**given, **more})


def card(name: str, **more: Any) -> ConfigCard:
    return ConfigCard(name=name, group="Bundled", file=name, title=name, access="base", place="local", **more)


class JupyterStub:
    """The server; ``bodies`` are what was posted, by route."""

    def __init__(self, runtime: Path, organism: Connection) -> None:
        self.runtime, self.organism = runtime, organism
        self.kernel = ""
        """The one kernel that it has."""
        self.notebook = "lab/me.ipynb"
        self.api = API_VERSION
        self.token = TOKEN
        self.has_bench = True
        self.bodies: dict[str, Any] = {}
        self.runs: list[RunSummary] = []
        self.held: list[OrganismState] = []
        self.loaded = threading.Event()
        """Set when an organism that is asked for may be ready."""
        self.loaded.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": self}))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.publish()

    def publish(self) -> None:
        """Write the file by which a user's programs find the server."""
        info = {"url": f"http://127.0.0.1:{self._server.server_port}{BASE}/", "token": self.token, "pid": os.getpid()}
        (self.runtime / f"jpserver-{os.getpid()}.json").write_text(json.dumps(info))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and reply of a request with the token."""
        if path == f"api/kernels/{self.kernel}":
            return 200, {"id": self.kernel}
        if path == "api/sessions":
            return 200, [{"kernel": {"id": self.kernel}, "path": self.notebook, "type": "notebook"}]
        route = path.removeprefix("interp_bench/api").strip("/")
        if not self.has_bench or not path.startswith("interp_bench/api"):
            return 404, {"message": "Not found"}
        if method == "POST":
            self.bodies[route] = body
        return self._bench(method, route, body)

    def _bench(self, method: str, route: str, body: Any) -> tuple[int, Any]:
        match method, route.split("/"):
            case "GET", [""]:
                return 200, {**_INFO.model_dump(), "api": self.api}
            case "GET", ["configs"]:
                whole = card("amber", task="Find\nit.", techniques=["chat", "prefill_attack"])
                return 200, [whole, card("broken", problem="broken.yaml: no such key")]
            case "GET", ["organisms"]:
                return 200, self.held
            case "POST", ["organisms"]:
                return self._hold(UseOrganism.model_validate(body))
            case "GET", ["runs"]:
                return 200, self.runs
            case "POST", ["runs"]:
                return self._start(StartRun.model_validate(body))
            case "POST", ["runs", run, "stop"]:
                return 200, summary(run, status="interrupted", message="stopped by a person")
            case "GET", ["runs", _, "events"]:
                return 200, [EventEntry(seq=1, at=0, event=event.model_dump()) for event in _EVENTS]
        return 404, Problem(code="not_found", message="there is nothing here")

    def _start(self, asked: StartRun) -> tuple[int, Any]:
        if asked.config == "costly" and not asked.confirmed:
            return 409, Problem(code="unconfirmed", message="At most $50. That is more than $10.")
        return 201, summary("12ab34cd", config=asked.config, notebook=asked.notebook or "lab/birch 2.ipynb")

    def _hold(self, asked: UseOrganism) -> tuple[int, Any]:
        if asked.config != "amber":
            return 400, Problem(code="config", message=f"there is no config {asked.config!r}; did you mean `amber`?")
        self.held = [state("amber", loading=1)]
        assert self.loaded.wait(20)
        self.held = [state("amber")]
        held = HeldOrganism(organism=self.held[0], url=self.organism.url, token=self.organism.token)
        return 200, held


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: JupyterStub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._reply("GET", None)

    def do_POST(self) -> None:
        self._reply("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _reply(self, method: str, body: Any) -> None:
        path = unquote(self.path).removeprefix(f"{BASE}/")
        if self.headers["Authorization"] != f"token {TOKEN}":
            status, content = 403, {"message": "Forbidden"}
        else:
            status, content = self.stub.answer(method, path, body)
        payload = json.dumps(content, default=lambda value: value.model_dump()).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


_INFO = ServerInfo(
    version="0",
    api=API_VERSION,
    providers=["playbook"],
    programs=[],
    default_provider="playbook",
    models=[],
    collaboration=False,
    sandbox_problem=None,
    locked={},
    at_most={},
)


def _noted(claim: str, status: Any, **more: Any) -> HypothesisNoted:
    given: dict[str, Any] = {"evidence": ["c4", "c7"], "effect_size": None, "n": None, **more}
    return HypothesisNoted(claim=claim, status=status, **given)


_EVENTS = [
    _noted("it likes soup", "open"),
    CellAdded(cell_id="c1", kind="code", source="1"),
    _noted("it likes soup", "supported", effect_size=0.91, n=32),
    _noted("it is shy", "refuted"),
]
