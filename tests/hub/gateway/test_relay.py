"""The gateway as a process of its own, asked by the real SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from tests.agent.messages_server import MessagesServer, Refused, Streamed, text

from .running import ADMIN_TOKEN, KEY, Gateway, gateway

MODEL, CHEAP = "claude-opus-5-5", "claude-haiku-5-5"
REPLY = Streamed(content=[text("Good day to you.")], usage={"input_tokens": 40}, final_usage={"output_tokens": 9})


@pytest.fixture(scope="module")
def provider() -> Iterator[MessagesServer]:
    def answer(body: dict[str, Any]) -> Streamed | Refused:
        said = body["messages"][0]["content"][0]["text"]
        if said == "refuse":
            return Refused(status=429, type="rate_limit_error", message="Slow down.", headers={"retry-after": "7"})
        return Streamed(**{**vars(REPLY), "whole": not body.get("stream")})

    with MessagesServer(answer) as server:
        yield server


@pytest.fixture(scope="module")
def running(provider: MessagesServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {
        "models": [MODEL],
        "each": [{"tokens": 100_000}],
        "groups": {"class": {"together": [{"usd": 1}], "models": [MODEL, CHEAP]}},
    }
    with gateway(tmp_path_factory.mktemp("gateway"), provider.url, **settings) as started:
        yield started


def ask(client: anthropic.Anthropic, said: str = "Hello.", *, model: str = MODEL, max_tokens: int = 50, **more: Any):
    content = [{"type": "text", "text": said}]
    messages: Any = [{"role": "user", "content": content}]
    return client.messages.create(model=model, max_tokens=max_tokens, messages=messages, **more)


def asked(running: Gateway, token: str, said: str = "Hello.", **more: Any):
    with running.client(token) as client:
        return ask(client, said, **more)


def test_a_stream_passes_untouched_and_is_paid_for(running: Gateway, provider: MessagesServer):
    before = running.spending("token-ada")["user:ada"]
    body = {"model": MODEL, "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": [text("Hi.")]}]}
    direct = httpx2.post(f"{provider.url}/v1/messages", json=body)
    through = httpx2.post(
        f"{running.url}v1/messages", json=body, headers={"authorization": "Bearer token-ada", "cookie": "a=b"}
    )
    assert through.content == direct.content
    assert through.headers["content-type"] == direct.headers["content-type"]
    after = running.spending("token-ada")["user:ada"]
    assert (after["requests"], after["tokens"]) == (before["requests"] + 1, before["tokens"] + 49)


def test_the_provider_sees_the_hubs_key_and_nothing_of_the_person(running: Gateway, provider: MessagesServer):
    asked(running, "token-ada")
    headers = provider.headers[-1]
    assert headers["x-api-key"] == KEY
    assert "token-ada" not in json.dumps(headers)
    assert not {"authorization", "cookie"} & set(headers)


def test_members_of_a_group_spend_together_and_see_only_their_own(running: Gateway):
    for token in ("token-ada", "token-bob"):
        assert asked(running, token).content[0].text == "Good day to you."
    seen = running.spending("token-ada")
    assert set(seen) == {"user:ada", "group:class"}
    everybody = running.spending(ADMIN_TOKEN)
    people = everybody["user:ada"]["tokens"] + everybody["user:bob"]["tokens"]
    assert people == everybody["group:class"]["tokens"]


@pytest.mark.parametrize("token", ["token-cy", "nobody", ""])
def test_a_token_without_the_scope_opens_nothing(running: Gateway, token: str):
    with pytest.raises(anthropic.AuthenticationError):
        asked(running, token or " x")


def test_a_model_that_is_not_offered(running: Gateway):
    with pytest.raises(anthropic.PermissionDeniedError, match=f"offers you {MODEL}"):
        asked(running, "token-ada", model="claude-other")


def test_a_request_that_could_cost_more_than_is_left(running: Gateway):
    before = running.spending("token-bob")["user:bob"]
    with pytest.raises(anthropic.APIStatusError, match="Within 24 hours you have used .* of 100,000 tokens") as refused:
        asked(running, "token-bob", max_tokens=100_000)
    assert refused.value.status_code == 402
    with pytest.raises(anthropic.APIStatusError, match=r"class have used .* of \$1.00, and this request could cost"):
        asked(running, "token-bob", "x" * 10, max_tokens=99_000, model=MODEL, thinking={"type": "adaptive"})
    assert running.spending("token-bob")["user:bob"] == before


def test_what_the_provider_refuses_costs_nothing_and_comes_back_as_it_is(running: Gateway):
    before = running.spending("token-ada")["user:ada"]
    with pytest.raises(anthropic.RateLimitError, match="Slow down") as refused:
        asked(running, "token-ada", "refuse")
    assert refused.value.response.headers["retry-after"] == "7"
    assert running.spending("token-ada")["user:ada"] == before


def test_counting_is_free(running: Gateway):
    before = running.spending("token-ada")["user:ada"]
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "Hello."}]}]
    with running.client("token-ada") as client:
        assert client.messages.count_tokens(model=MODEL, messages=messages).input_tokens > 0
    assert running.spending("token-ada")["user:ada"] == before


def test_metrics_are_for_administrators(running: Gateway):
    assert httpx2.get(f"{running.url}metrics", headers={"authorization": "Bearer token-ada"}).status_code == 401
    asked(running, "token-ada")
    page = httpx2.get(f"{running.url}metrics", headers={"authorization": f"Bearer {ADMIN_TOKEN}"})
    assert 'interp_bench_gateway_tokens{scope="user:ada",window="day"}' in page.text


def test_another_address_is_an_error_of_the_same_dialect(running: Gateway):
    answer = httpx2.get(f"{running.url}v1/files", headers={"authorization": "Bearer token-ada"})
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found_error"


def test_a_client_that_goes_away_pays_for_what_it_has_seen_at_most(tmp_path: Path):
    slow = Streamed(content=[text("word " * 200)], usage={"input_tokens": 40}, pace_s=0.02)
    with MessagesServer(lambda _: slow) as server, gateway(tmp_path, server.url, models=[MODEL]) as running:
        with running.client("token-ada") as client, ask(client, stream=True, max_tokens=5000) as events:
            for _, _event in zip(range(20), events, strict=False):
                pass
        while (spent := running.spending("token-ada")["user:ada"])["tokens"] > 5000:
            pass
        assert 40 < spent["tokens"] < 1500
