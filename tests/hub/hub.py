"""A real JupyterHub for tests: its proxy, its users, the organism service, on loopback and free ports."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

ROOT = Path(__file__).parents[2]
PROXY = ROOT / "node_modules" / ".bin" / "configurable-http-proxy"
SERVICE = "interp-bench"
GATEWAY = "interp-bench-gateway"
PASSWORD = "a password of these tests"
PROVIDERS_KEY = "sk-ant-the-key-of-the-hub"
_CONFIG = """
import json, sys
from pathlib import Path
given = json.loads(Path(%r).read_text())
c = get_config()
c.JupyterHub.bind_url = given["url"]
c.JupyterHub.hub_port = given["hub_port"]
c.JupyterHub.db_url = "sqlite:///" + given["folder"] + "/hub.sqlite"
c.JupyterHub.cookie_secret_file = given["folder"] + "/cookie_secret"
c.ConfigurableHTTPProxy.command = given["proxy"]
c.ConfigurableHTTPProxy.api_url = given["proxy_api"]
c.ConfigurableHTTPProxy.auth_token = given["proxy_token"]
c.ConfigurableHTTPProxy.should_start = given["own_proxy"]
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = given["password"]
c.Authenticator.allowed_users = set(given["users"])
c.Authenticator.admin_users = {"root"}
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = given["folder"] + "/home/{username}"
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = c.Spawner.start_timeout = 120
c.Spawner.environment = given["environment"]
if given["gateway"]:
    c.Spawner.environment |= {
        "ANTHROPIC_BASE_URL": given["gateway"]["url"],
        "ANTHROPIC_AUTH_TOKEN": lambda spawner: spawner.api_token,
    }
c.Spawner.args = ["--allow-root"]
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.JupyterHub.cleanup_servers = c.JupyterHub.cleanup_proxy = given["cleanup"]
c.JupyterHub.custom_scopes = {"custom:interp-bench:admin": {"description": "See everybody's use of organisms"}}
c.JupyterHub.load_groups = given["groups"]
c.JupyterHub.load_roles = given["roles"]
c.JupyterHub.services = [
    {
        "name": "interp-bench",
        "url": given["service"],
        "command": [sys.executable, "-m", "interp_bench_ext.hub", "--settings", given["settings"]],
        "environment": given["service_environment"],
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": given["allowed"],
    },
    {"name": "tester", "api_token": given["tester"]},
]
if given["gateway"]:
    c.JupyterHub.services.append(
        {
            "name": "interp-bench-gateway",
            "url": given["gateway"]["service"],
            "command": [sys.executable, "-m", "interp_bench_ext.hub.gateway"]
            + ["--settings", given["gateway"]["settings"]],
            "environment": {"ANTHROPIC_API_KEY": given["gateway"]["key"]},
        }
    )
"""
_USE = ["access:services!service=interp-bench", "access:services!service=interp-bench-gateway"]
ROLES: list[dict[str, Any]] = [
    {"name": "user", "scopes": ["self", *_USE]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", *_USE]},
    {"name": "interp-bench-admin", "scopes": ["custom:interp-bench:admin"], "users": ["root"]},
]
"""As docs/jupyterhub.md has them."""
TESTER: dict[str, Any] = {
    "name": "tester",
    "scopes": ["admin:users", "admin:servers", "tokens", "access:servers", "read:hub", "groups"],
    "services": ["tester"],
}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(kw_only=True)
class Hub:
    """One Hub with its service."""

    folder: Path
    settings: Path
    users: tuple[str, ...] = ("root", "alice", "bob")
    groups: Mapping[str, Any] = field(default_factory=dict)
    roles: list[dict[str, Any]] = field(default_factory=lambda: ROLES)
    base_url: str = "/hubs/one/"
    cleanup: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    password: str = PASSWORD
    gateway_settings: Path | None = None
    """Of the key gateway, where there is one."""

    def __post_init__(self) -> None:
        self.port, self.service_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}{self.base_url}"
        self.service = f"{self.url}services/{SERVICE}"
        """By the proxy."""
        self.direct = f"http://127.0.0.1:{self.service_port}{self.base_url}services/{SERVICE}"
        self.tester = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._proxy: subprocess.Popen[bytes] | None = None
        self.log = self.folder / "hub.log"
        gateway_port = free_port()
        self.gateway = f"http://127.0.0.1:{gateway_port}{self.base_url}services/{GATEWAY}"
        given = {
            "gateway": {
                "url": self.gateway,
                "service": f"http://127.0.0.1:{gateway_port}",
                "settings": str(self.gateway_settings),
                "key": PROVIDERS_KEY,
            }
            if self.gateway_settings
            else None,
            "folder": str(self.folder),
            "allowed": ["custom:interp-bench:admin", *([_USE[1]] if self.gateway_settings else [])],
            "url": self.url,
            "hub_port": free_port(),
            "proxy": [str(PROXY)],
            "proxy_api": f"http://127.0.0.1:{free_port()}",
            "proxy_token": secrets.token_hex(16),
            "own_proxy": self.cleanup,
            "password": self.password,
            "users": self.users,
            "groups": self.groups,
            "roles": [*self.roles, TESTER],
            "service": f"http://127.0.0.1:{self.service_port}",
            "settings": str(self.settings),
            "cleanup": self.cleanup,
            "tester": self.tester,
            "service_environment": {"PATH": os.environ["PATH"]},
            "environment": {"INTERP_BENCH_HUB_URL": self.direct, **self.environment},
        }
        self._given = given
        (self.folder / "given.json").write_text(json.dumps(given))
        (self.folder / "jupyterhub_config.py").write_text(_CONFIG % str(self.folder / "given.json"))

    def start(self) -> None:
        """Return once the Hub and its service answer."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("JUPYTERHUB")},
            "CONFIGPROXY_AUTH_TOKEN": self._given["proxy_token"],
        }
        if not self.cleanup and self._proxy is None:
            self._proxy = self._start_proxy(environment)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,  # node would have it not block for whoever shares it
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self.wait(f"{self.service}/health")

    def _start_proxy(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """A proxy of its own, as a site has it whose users do not feel a restart of the Hub."""
        api = self._given["proxy_api"].rsplit(":", 1)[1]
        command = [str(PROXY), "--ip", "127.0.0.1", "--port", str(self.port), "--api-port", api]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(environment), start_new_session=True
            )

    def wait(self, url: str) -> None:
        """Return once ``url`` answers with 200."""
        until = time.monotonic() + 90
        while time.monotonic() < until:
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            try:
                if httpx2.get(url, timeout=5).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(self.log.read_text()[-4000:])

    def stop(self, *, proxy: bool = True) -> None:
        """End the Hub, its service with it; servers and proxy too, unless they are to survive it."""
        for process in [self._process, self._proxy if proxy else None]:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def join(self) -> None:
        """Wait until it ends by itself."""
        assert self._process is not None
        self._process.wait()

    def end_leftovers(self) -> None:
        """What a Hub that leaves its users' servers alone has left."""
        for process in psutil.process_iter(["cmdline", "cwd"]):
            if process.info["cwd"] and process.info["cwd"].startswith(str(self.folder)):
                process.kill()

    def api(self, method: str, path: str, token: str | None = None, **body: Any) -> httpx2.Response:
        """One request of the Hub's own interface."""
        headers = {"Authorization": f"token {token or self.tester}"}
        return httpx2.request(method, f"{self.url}hub/api/{path}", headers=headers, timeout=90, **body)

    def token_of(self, user: str, **scopes: Any) -> str:
        """A new token of a user's."""
        reply = self.api("POST", f"users/{user}/tokens", json=scopes)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["token"])

    def ask(self, method: str, path: str, token: str | None, **given: Any) -> httpx2.Response:
        """One request to the service, by the proxy."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.request(
            method, self.service + path, headers=headers | given.pop("headers", {}), timeout=120, **given
        )

    def service_process(self) -> psutil.Process:
        assert self._process is not None
        for child in psutil.Process(self._process.pid).children(recursive=True):
            if "interp_bench_ext.hub" in child.cmdline():
                return child
        raise AssertionError("the service does not run")

    def host(self) -> psutil.Process:
        """The organism's process."""
        for child in self.service_process().children(recursive=True):
            if "interp_bench_ext.host" in child.cmdline() and "bwrap" not in child.name():
                return child
        raise AssertionError("no organism is loaded")


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    try:
        hub.start()
        yield hub
    finally:
        hub.stop()
        hub.end_leftovers()
