"""A person's server on a real Hub, whose agent is Claude by way of the key gateway."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from tests.agent.messages_server import MessagesServer, Streamed, text
from tests.hub.gateway.running import sdk
from tests.hub.hub import PROVIDERS_KEY, Hub, running
from tests.redteam.hub.users import browser

from .servers import Server

pytestmark = pytest.mark.slow
MODEL = "claude-opus-5-5"


@pytest.fixture(scope="module")
def provider() -> Iterator[MessagesServer]:
    with MessagesServer(lambda _: Streamed(content=[text("There is nothing to be found.")])) as server:
        yield server


@pytest.fixture(scope="module")
def hub(provider: MessagesServer, organisms: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("gateway")
    service, gateway = folder / "service.yaml", folder / "gateway.yaml"
    gateway.write_text(f"models: [{MODEL}]\nupstream: {provider.url}\neach: [{{usd: 5}}]\n")
    made = Hub(folder=folder, settings=service, gateway_settings=gateway)
    service.write_text(f"organisms: [{organisms}/quartz.yaml]\ngateway: {made.gateway}\n")
    with running(made) as started:
        started.wait(f"{started.gateway}/health")
        yield started


def spent(hub: Hub, token: str) -> dict[str, Any]:
    answer = httpx2.get(f"{hub.gateway}/spending", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
    return {line["scope"]: line for line in answer.json() if line["hours"] == 24}


def test_a_narrower_token_opens_nothing(hub: Hub):
    narrow = hub.token_of("alice", scopes=["read:users:name!user", "access:services!service=interp-bench"])
    for token in (narrow, "nobody"):
        with sdk(hub.gateway, token) as client, pytest.raises(anthropic.AuthenticationError):
            client.messages.create(model=MODEL, max_tokens=5, messages=[{"role": "user", "content": "Hello."}])


def test_the_administrators_page_shows_what_was_spent(hub: Hub):
    hello = {"role": "user", "content": [{"type": "text", "text": "Hello."}]}
    with sdk(hub.gateway, hub.token_of("bob")) as client:
        client.messages.create(model=MODEL, max_tokens=5, messages=[hello])  # type: ignore[list-item]
    with browser(hub, "root") as logged_in:
        page = logged_in.get(f"{hub.service}/", follow_redirects=True).text
    found = re.search("TOKEN = '([^']+)'", page)
    assert found is not None
    told = hub.ask("GET", "/admin/state", found[1]).json()["spending"]
    assert told["problem"] == ""
    (bobs,) = [line for line in told["lines"] if (line["scope"], line["hours"]) == ("user:bob", 24)]
    assert bobs == spent(hub, hub.token_of("bob"))["user:bob"]
    # A token of the Hub's that may not use the gateway is told so, and the rest of the page is there.
    narrow = hub.token_of("root", scopes=["custom:interp-bench:admin", "access:services!service=interp-bench"])
    state = hub.ask("GET", "/admin/state", narrow).json()
    assert "does not tell what was spent" in state["spending"]["problem"]
    assert state["organisms"]


def test_a_run_is_paid_for_at_the_gateway_and_nobody_on_the_users_side_has_the_key(hub: Hub):
    alice = Server(hub, "alice")
    body = {"request_id": "r", "config": "quartz", "provider": "anthropic", "model": MODEL, "max_steps": 2}
    reply = alice.ask("POST", "runs", json=body)
    assert reply.status_code < 300, reply.text
    run = reply.json()["id"]
    until = time.monotonic() + 90
    while alice.status(run) == "running":
        assert time.monotonic() < until
    events = alice.ask("GET", f"runs/{run}/events").text
    figures = alice.ask("GET", f"runs/{run}/figures").json()
    mine = spent(hub, alice.token)["user:alice"]
    assert mine["requests"] >= 1
    assert mine["tokens"] == figures["tokens"]
    assert mine["usd"] == pytest.approx(figures["cost_usd"], abs=1e-6)
    assert "user:alice" not in spent(hub, hub.token_of("bob"))
    assert PROVIDERS_KEY not in events
    files = [file for file in (hub.folder / "home").rglob("*") if file.is_file()]
    assert [file for file in files if PROVIDERS_KEY.encode() in file.read_bytes()] == []
