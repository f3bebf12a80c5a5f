"""What a person does with the kernels of a real Jupyter server, and what is seen of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_server.serverapp import ServerApp

from interp_bench_ext.record.events import Event

from .serving import fetch

WAIT_FOR = """
import os, time
print("started", flush=True)
while not os.path.exists({name!r}):
    time.sleep(0.01)
print("gone")
"""
"""Runs until there is a file of this name."""


@asynccontextmanager
async def person(app: ServerApp, kernel_id: str) -> AsyncIterator[AsyncKernelClient]:
    """Somebody else's client of a kernel, as a browser has one."""
    manager = app.kernel_manager.get_kernel(kernel_id)
    client = AsyncKernelClient(parent=manager)
    client.load_connection_info(manager.get_connection_info())
    client.start_channels(stdin=False, hb=False)
    try:
        await client.wait_for_ready(timeout=30)
        yield client
    finally:
        client.stop_channels()


async def value(client: AsyncKernelClient, expression: str) -> str:
    reply = await client.execute("", user_expressions={"x": expression}, reply=True, timeout=30)
    found = reply["content"]["user_expressions"]["x"]
    return str(found["data"]["text/plain"] if found["status"] == "ok" else found["ename"])


async def session_of(app: ServerApp, path: str = "n.ipynb") -> dict[str, Any]:
    sessions = json.loads((await fetch(app, "GET", "api/sessions")).body)
    [found] = [session for session in sessions if session["path"] == path]
    return dict(found)


async def start_session(app: ServerApp, path: str = "n.ipynb") -> dict[str, Any]:
    body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    return dict(json.loads((await fetch(app, "POST", "api/sessions", json.dumps(body))).body))


def died(event: Event) -> bool:
    return event.type == "kernel_died"


def printed(event: Event) -> bool:
    return event.type == "cell_output"
