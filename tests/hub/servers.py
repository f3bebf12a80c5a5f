"""Users' own servers on a Hub, asked through its proxy."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.hub.hub import Hub

ORGANISM = "amber"


class Server:
    """One user's server, asked through the Hub's proxy."""

    def __init__(self, hub: Hub, user: str) -> None:
        self.hub, self.user, self.token = hub, user, hub.token_of(user)
        self.url = f"{hub.url}user/{user}/"
        reply = hub.api("POST", f"users/{user}/server")
        assert reply.status_code in (201, 202), reply.text
        hub.wait(f"{self.url}api")

    def ask(self, method: str, path: str, **given: Any) -> httpx2.Response:
        headers = {"Authorization": f"token {self.token}"}
        return httpx2.request(method, f"{self.url}interp_bench/api/{path}", headers=headers, timeout=120, **given)

    def begin(self, steps: int, *, config: str = ORGANISM) -> str:
        body = {"request_id": f"begin-{self.user}", "config": config, "provider": "playbook", "max_steps": steps}
        reply = self.ask("POST", "runs", json=body)
        assert reply.status_code < 300, reply.text
        return str(reply.json()["id"])

    def status(self, run: str) -> str:
        return next(one["status"] for one in self.ask("GET", "runs").json() if one["id"] == run)

    def events(self, run: str) -> list[str]:
        """Their types, by a request."""
        return [entry["event"]["type"] for entry in self.ask("GET", f"runs/{run}/events?after=0").json()]

    async def follow(self, run: str) -> list[dict[str, Any]]:
        """All events of a run, by the WebSocket, until it ends."""
        url = f"{self.url}interp_bench/api/runs/{run}/stream?after=0".replace("http", "ws", 1)
        socket = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {self.token}"}))
        events: list[dict[str, Any]] = []
        while (message := await socket.read_message()) is not None:
            events += [entry["event"] for entry in json.loads(message)["entries"]]
            if events and events[-1]["type"] == "run_ended":
                break
        socket.close()
        while await socket.read_message() is not None:  # until it has gone
            pass
        return events
