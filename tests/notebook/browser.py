"""A browser that shares a document: a real WebSocket to a real server, with a document of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_ydoc import YNotebook
from pycrdt import Awareness, Doc, create_sync_message, create_update_message, handle_sync_message, read_message
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from .serving import TOKEN, fetch, port_of


class Browser:
    """Its notebook is ``document``; what it writes there is sent at once."""

    def __init__(self, socket: WebSocketClientConnection, document: YNotebook) -> None:
        self.document = document
        self.awareness = Awareness(document.ydoc)
        self.synced = asyncio.Event()
        self._socket = socket
        self._hearing = False

    @property
    def sources(self) -> list[str]:
        return [cell["source"] for cell in self.document.get()["cells"]]

    @property
    def presence(self) -> list[dict[str, Any]]:
        """What others show of themselves."""
        own = self.document.ydoc.client_id
        return [state for client, state in self.awareness.states.items() if client != own and state]

    async def share(self) -> None:
        subscription = self.document.ydoc.observe(self._tell)
        await self._socket.write_message(create_sync_message(self.document.ydoc), binary=True)
        while isinstance(message := await self._socket.read_message(), bytes):
            if message[0] == 0:
                self._hearing = True
                reply = handle_sync_message(message[1:], self.document.ydoc)
                self._hearing = False
                if message[1] == 1:
                    self.synced.set()
                if reply is not None:
                    await self._socket.write_message(reply, binary=True)
            elif message[0] == 1:
                self.awareness.apply_awareness_update(read_message(message[1:]), self)
        self.document.ydoc.unobserve(subscription)

    def _tell(self, event: Any) -> None:
        if not self._hearing:
            self._socket.write_message(create_update_message(event.update), binary=True)


@asynccontextmanager
async def browsing(app: ServerApp, path: str = "n.ipynb", *, ydoc: Doc | None = None) -> AsyncIterator[Browser]:
    """Open the notebook as JupyterLab does, with the document from an earlier visit if there is one."""
    body = json.dumps({"format": "json", "type": "notebook"})
    found = json.loads((await fetch(app, "PUT", f"api/collaboration/session/{path}", body)).body)
    url = f"ws://127.0.0.1:{port_of(app)}/api/collaboration/room/json:notebook:{found['fileId']}"
    request = HTTPRequest(f"{url}?sessionId={found['sessionId']}", headers={"Authorization": f"token {TOKEN}"})
    socket = await websocket_connect(request)
    browser = Browser(socket, YNotebook(ydoc))
    sharing = asyncio.create_task(browser.share())
    try:
        await asyncio.wait_for(browser.synced.wait(), 20)
        yield browser
    finally:
        socket.close()
        await sharing
