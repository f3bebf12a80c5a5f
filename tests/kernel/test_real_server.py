"""A person's commands in a kernel of a real Jupyter server with the real extension."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient

from .test_investigate import _text

SCRIPT = """
import sys
from jupyter_server.serverapp import ServerApp

class App(ServerApp):
    async def _post_start(self):
        await super()._post_start()
        print("ready", self.connection_url, flush=True)

sys.exit(App.launch_instance())
"""


class Server:
    """The server's process and its one notebook session."""

    def __init__(self, folder: Path, token: str) -> None:
        self.token = token
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INTERP_BENCH")}
        for kind in ("CONFIG", "DATA", "RUNTIME"):
            environment[f"JUPYTER_{kind}_DIR"] = str(folder / kind)
        environment |= {"XDG_DATA_HOME": str(folder / "xdg"), "IPYTHONDIR": str(folder / "ipython")}
        (folder / "root" / "configs").mkdir(parents=True)
        options = {
            "ServerApp.jpserver_extensions": {"interp_bench_ext": True},
            "ServerApp.root_dir": str(folder / "root"),
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.port": 0,
            "IdentityProvider.token": token,
        }
        (folder / "config.json").write_text(json.dumps(_nested(options)))
        command = [sys.executable, "-c", SCRIPT, f"--config={folder / 'config.json'}"]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = self._address(folder / "log")
        session = self._post(
            "api/sessions", {"path": "lab/me.ipynb", "type": "notebook", "name": "me", "kernel": {"name": "python3"}}
        )
        self._client = BlockingKernelClient()
        self._client.load_connection_file(str(folder / "RUNTIME" / f"kernel-{session['kernel']['id']}.json"))
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def run(self, code: str) -> str:
        messages: list[dict[str, Any]] = []
        self._client.execute_interactive(code, timeout=60, output_hook=messages.append)
        return "\n".join(filter(None, map(_text, messages)))

    def stop(self) -> None:
        self._client.stop_channels()
        self._process.terminate()
        self._process.communicate(timeout=30)

    def _address(self, log: Path) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("ready "):
                return line.split()[1]
        raise AssertionError(log.read_text())

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Cookie": "_xsrf=x", "X-XSRFToken": "x"} if not self.token else {}
        headers |= {"Authorization": f"token {self.token}"} if self.token else {}
        request = urllib.request.Request(f"{self.url}{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())


def _nested(options: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in options.items():
        section, key = name.split(".")
        nested.setdefault(section, {})[key] = value
    return nested


@pytest.fixture(params=["a-token", pytest.param("", marks=pytest.mark.slow)], ids=["token", "no-log-in"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    started = Server(tmp_path, request.param)
    yield started
    started.stop()


def test_a_notebook_finds_its_server_and_is_understood(server: Server):
    shown = server.run("%load_ext interp_bench_ext\n%interp organisms")
    assert "amber" in shown
    assert "local" in shown
    assert "0 runs, 0 under way." in server.run("%interp status")
    assert "there is no config 'nowhere'" in server.run("%interp use nowhere")
    assert "there is no config 'nowhere'" in server.run("%interp start nowhere --here")
    assert "No run is under way" in server.run("%interp stop last")
