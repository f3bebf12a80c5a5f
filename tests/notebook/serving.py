"""A real Jupyter server in the test's own process and loop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from traitlets.config import Config

TOKEN = "test-token"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def running_server(root: Path, *, collaboration: bool, **more: dict[str, Any]) -> AsyncIterator[ServerApp]:
    """A server that shows ``root``; ``more`` is configuration by class name."""
    shared = {"jupyter_server_ydoc": True, "jupyter_server_fileid": True} if collaboration else {}
    server = {"jpserver_extensions": shared, "root_dir": str(root), "open_browser": False, "port": 0}
    state = root.parent / f"{root.name}-state"
    state.mkdir(exist_ok=True)
    config = Config(
        {
            "BaseFileIdManager": {"db_path": ":memory:"},
            "SQLiteYStore": {"db_path": str(state / "ystore.db")},
            "IdentityProvider": {"token": TOKEN},
            "FileContentsManager": {"delete_to_trash": False},
        }
    )
    config.ServerApp.update({**server, "allow_root": True})
    for name, traits in more.items():
        config[name].update(traits)
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    app = ServerApp(config=config)
    app.log.handlers = [logging.NullHandler()]
    app.log.propagate = False
    app.initialize(argv=[], new_httpserver=False)
    app.init_httpserver()
    while not app.http_server._sockets:  # noqa: ASYNC110
        await asyncio.sleep(0)
    try:
        yield app
    finally:
        await app._cleanup()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def port_of(app: ServerApp) -> int:
    [port] = {socket.getsockname()[1] for socket in app.http_server._sockets.values()}
    return int(port)


async def fetch(app: ServerApp, method: str, path: str, body: str | None = None) -> HTTPResponse:
    """A request as a browser sends it."""
    return await AsyncHTTPClient().fetch(
        HTTPRequest(
            f"http://127.0.0.1:{port_of(app)}/{path}",
            method=method,
            body=body,
            headers={"Authorization": f"token {TOKEN}"},
            allow_nonstandard_methods=True,
        )
    )
