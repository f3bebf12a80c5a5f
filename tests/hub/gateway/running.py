"""The gateway as its own process, and on loopback what it asks: a stand-in for the Hub's API, and the provider."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import anthropic
import httpx2
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PREFIX = "/services/interp-bench-gateway/"
KEY = "sk-ant-the-key-of-the-hub"
PEOPLE = {"token-ada": ("ada", ["class"]), "token-bob": ("bob", ["class"]), "token-cy": ("cy", [])}
ADMIN_TOKEN = "token-admin"  # noqa: S105 - a word that only these tests know


class TokenApi:
    """What of the Hub's REST API a service asks: whose a token is."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/hub/api"
        app = Starlette(routes=[Route("/hub/api/user", self._user)])
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    async def _user(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").partition(" ")[2]
        if token == ADMIN_TOKEN:
            scopes = ["access:services!service=gateway", "custom:interp-bench:admin"]
            return JSONResponse({"kind": "user", "name": "root", "groups": [], "scopes": scopes})
        if token not in PEOPLE:
            return JSONResponse({"message": "no"}, status_code=403)
        name, groups = PEOPLE[token]
        access = [] if name == "cy" else ["access:services!service=gateway"]
        return JSONResponse({"kind": "user", "name": name, "groups": groups, "scopes": access})


@dataclass
class Gateway:
    """A gateway process that is started again where it was killed."""

    folder: Path
    api: str
    upstream: str
    settings: dict[str, Any]
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    @property
    def state(self) -> Path:
        return self.folder / "spent.sqlite"

    def start(self) -> None:
        file = self.folder / "gateway.yaml"
        file.write_text(yaml.safe_dump({"upstream": self.upstream, "state": "spent.sqlite", **self.settings}))
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        environment = {
            **os.environ,
            "ANTHROPIC_API_KEY": KEY,
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.port}",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_SERVICE_NAME": "gateway",
            "JUPYTERHUB_API_URL": self.api,
            "JUPYTERHUB_API_TOKEN": "the-service's-own",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:services!service=gateway"]',
        }
        command = [sys.executable, "-m", "interp_bench_ext.hub.gateway", "--settings", str(file)]
        self.process = subprocess.Popen(command, env=environment)
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx2.get(f"{self.url}health", timeout=5).raise_for_status()
                return
            except httpx2.HTTPError:
                assert self.process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def kill(self) -> None:
        """As the machine's out-of-memory killer would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self, token: str) -> AbstractContextManager[anthropic.Anthropic]:
        return sdk(self.url, token)

    def spending(self, token: str) -> dict[str, dict[str, Any]]:
        """By scope, of the last day."""
        answer = httpx2.get(f"{self.url}spending", headers={"authorization": f"Bearer {token}"})
        return {line["scope"]: line for line in answer.raise_for_status().json() if line["hours"] == 24}


@contextmanager
def sdk(url: str, token: str) -> Iterator[anthropic.Anthropic]:
    """A client, closed with the block: one that is left to be collected may leave its connection open."""
    with anthropic.Anthropic(auth_token=token, base_url=url, max_retries=0, timeout=30) as client:
        yield client


@contextmanager
def gateway(folder: Path, upstream: str, **settings: Any) -> Iterator[Gateway]:
    """A running one, ended with the block."""
    with TokenApi() as api:
        running = Gateway(folder, api.url, upstream, settings)
        try:
            running.start()
            yield running
        finally:
            if running.process is not None and running.process.poll() is None:
                running.process.terminate()
                running.process.wait(timeout=40)
