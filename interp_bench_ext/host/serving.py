"""The socket that an organism is asked at, and the server behind it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from interp_bench_ext.host.frames import widen


def listening(where: str | int) -> socket.socket:
    """A Unix socket at the path ``where`` that only its owner can open, or a loopback port (0: a free one)."""
    if isinstance(where, int):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", where))
        listener.listen()
        return listener
    path = Path(where)
    path.unlink(missing_ok=True)  # what a process that died has left
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(where)
    path.chmod(0o600)
    listener.listen()
    return listener


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Answer until the process ends."""
    config = uvicorn.Config(
        app,
        http=_Http,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=3600,
        server_header=False,
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


class _Connection(h11.Connection):
    def send(self, event: Any) -> Any:
        """What is one part stays that: put together by h11, a large array would be copied once more."""
        parts = self.send_with_data_passthrough(event)
        if parts is None or len(parts) != 1:
            return None if parts is None else b"".join(parts)
        return parts[0]


class _Http(H11Protocol):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = _Connection(h11.SERVER)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        widen(transport)
