from __future__ import annotations

import asyncio
import base64
import json
import pickle
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.platforms import make_client
from interp_bench_ext.agent.provider import Prompt, Reply
from interp_bench_ext.config import AgentSection, load_config
from interp_bench_ext.errors import BadInput, ConfigError, ProviderError
from interp_bench_ext.models.key import Key

from .messages_server import MessagesServer, Refused, Streamed, text, tool_use

SECRET = "sk-ant-test-0123456789"
TOKEN = "gateway-token-0123456789"
ASKED = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
VARIABLES = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "AWS_BEARER_TOKEN_BEDROCK"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"),
    *("CLOUD_ML_REGION", "ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("ANTHROPIC_BEDROCK_BASE_URL", "ANTHROPIC_VERTEX_BASE_URL"),
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


class CloudServer(MessagesServer):
    """The same model behind Bedrock's and Vertex's addresses."""

    def routes(self) -> list[Route]:
        vertex = "/projects/{project}/locations/{place}/publishers/anthropic/models/{model}"
        return [
            *super().routes(),
            Route("/model/{model}/invoke-with-response-stream", self._bedrock, methods=["POST"]),
            Route(f"{vertex}:streamRawPredict", self._messages, methods=["POST"]),
            Route(f"{vertex.replace('{model}', 'count-tokens')}:rawPredict", self._count, methods=["POST"]),
        ]

    async def _bedrock(self, request: Request) -> Response:
        answer = await self._messages(request)
        if not isinstance(answer, StreamingResponse):
            return answer
        return StreamingResponse(_framed(answer), media_type="application/vnd.amazon.eventstream")


async def _framed(answer: StreamingResponse) -> Any:
    """Each event in a frame of Amazon's event stream."""
    async for line in answer.body_iterator:
        data = line.partition("data: ")[2].strip()
        payload = json.dumps({"bytes": base64.b64encode(data.encode()).decode()}).encode()
        names = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
        headers = b"".join(_header(name, value) for name, value in names.items())
        prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
        frame = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
        yield frame + struct.pack(">I", zlib.crc32(frame))


def _header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


@pytest.fixture
def server() -> Iterator[CloudServer]:
    content = [text("I begin."), tool_use("run_cell", {"code": "1"})]
    with CloudServer([Streamed(content=content, stop_reason="tool_use")]) as server:
        yield server


def ask(provider: AnthropicProvider) -> Reply:
    async def run() -> Reply:
        try:
            return await provider.reply(ASKED, max_tokens=99, emit=lambda event: None)
        finally:
            await provider.aclose()

    return asyncio.run(run())


def test_a_gateway_of_the_config_gets_the_token_and_never_the_key(server: CloudServer) -> None:
    provider = AnthropicProvider(key=Key(api_key=SECRET, auth_token=TOKEN), base_url=server.url)
    assert ask(provider).stop_reason == "tool_use"
    assert server.headers[0]["authorization"] == f"Bearer {TOKEN}"
    assert SECRET not in json.dumps(server.headers)
    assert TOKEN not in repr(provider)


def test_a_local_server_needs_no_key(server: CloudServer) -> None:
    assert ask(AnthropicProvider(key=None, base_url=server.url)).content[0] == text("I begin.")
    assert server.headers[0]["authorization"] == "Bearer none"


def test_a_gateway_of_the_environment_gets_the_key(server: CloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    ask(AnthropicProvider(key=Key(api_key=SECRET)))
    assert SECRET in json.dumps(server.headers), server.headers


def test_claude_on_bedrock_with_a_bearer_token(server: CloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", server.url)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", TOKEN)
    provider = AnthropicProvider(model="us.anthropic.claude-opus-5-5-v1:0", platform="bedrock")
    reply = ask(provider)
    assert reply.content == [text("I begin."), tool_use("run_cell", {"code": "1"})]
    assert reply.usage.output_tokens > 0
    assert reply.cost_usd is not None
    assert server.headers[0]["authorization"] == f"Bearer {TOKEN}"
    assert server.requests[0]["anthropic_beta"] == ["thinking-binding-controls-2026-08-01"]
    counted = asyncio.run(provider.count_tokens(ASKED, emit=lambda event: None))
    assert counted is None


def test_claude_on_bedrock_with_the_accounts_own_credentials(
    server: CloudServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAXXXXXXXXXXXXXXXX")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    ask(AnthropicProvider(model="anthropic.claude-opus-5-5", platform="bedrock"))
    assert server.headers[0]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA")
    assert SECRET not in json.dumps(server.headers)


def test_claude_on_google_cloud(server: CloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_ML_REGION", "global")
    monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "my-project")
    monkeypatch.setenv("ANTHROPIC_VERTEX_BASE_URL", server.url)
    provider = AnthropicProvider(model="claude-opus-5-5@20260922", platform="vertex", key=Key(auth_token=TOKEN))
    assert ask(provider).cost_usd is not None
    assert server.headers[0]["authorization"] == f"Bearer {TOKEN}"
    again = AnthropicProvider(model="claude-opus-5-5@20260922", platform="vertex", key=Key(auth_token=TOKEN))

    async def count() -> int | None:
        counted = await again.count_tokens(ASKED, emit=lambda event: None)
        await again.aclose()
        return counted

    assert asyncio.run(count()) == 3


def test_without_cloud_credentials_there_is_one_sentence(server: CloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # A region of its own, because the SDK keeps what it once found for one.
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", server.url)
    with pytest.raises(ProviderError, match=r"^Amazon Bedrock .* check AWS_BEARER_TOKEN_BEDROCK"):
        ask(AnthropicProvider(model="anthropic.claude-opus-5-5", platform="bedrock"))
    monkeypatch.setenv("CLOUD_ML_REGION", "global")
    monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "my-project")
    monkeypatch.setenv("ANTHROPIC_VERTEX_BASE_URL", server.url)
    with pytest.raises(ProviderError, match=r"^Google Cloud .* run `gcloud auth application-default login`"):
        ask(AnthropicProvider(model="claude-opus-5-5", platform="vertex"))
    assert server.requests == []


@pytest.mark.parametrize(
    ("platform", "set_up", "said"),
    [
        ("anthropic", {}, "Claude needs a key: set ANTHROPIC_API_KEY, or run with --agent playbook."),
        ("bedrock", {}, "agent.platform: bedrock needs a region: set AWS_REGION, such as us-east-1"),
        ("vertex", {}, "agent.platform: vertex needs a region: set CLOUD_ML_REGION, such as global"),
        (
            "vertex",
            {"CLOUD_ML_REGION": "global"},
            "agent.platform: vertex needs a project: set ANTHROPIC_VERTEX_PROJECT_ID",
        ),
    ],
)
def test_what_a_platform_needs(
    platform: Any, set_up: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in set_up.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput) as caught:
        AnthropicProvider(platform=platform)
    assert str(caught.value) == said


def test_each_platform_has_the_sdks_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_REGION": "r", "CLOUD_ML_REGION": "r", "ANTHROPIC_VERTEX_PROJECT_ID": "p"}.items():
        monkeypatch.setenv(name, value)
    key = Key(api_key=SECRET, auth_token=TOKEN, bedrock_token=TOKEN)
    clients = [make_client(p, key=key, base_url=None) for p in ("anthropic", "bedrock", "vertex")]
    kinds = [anthropic.AsyncAnthropic, anthropic.AsyncAnthropicBedrock, anthropic.AsyncAnthropicVertex]
    assert all(isinstance(client, kind) for client, kind in zip(clients, kinds, strict=True))


def test_every_key_leaves_the_environment_and_prints_as_nothing() -> None:
    environ = {
        "ANTHROPIC_API_KEY": SECRET,
        "ANTHROPIC_AUTH_TOKEN": TOKEN,
        "AWS_BEARER_TOKEN_BEDROCK": "bedrock-token",
        "AWS_SECRET_ACCESS_KEY": "of other services too",
    }
    key = Key.from_environment(environ)
    assert environ == {"AWS_SECRET_ACCESS_KEY": "of other services too"}
    assert repr(key) == "Key(…)"
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize(
    "url",
    ["gateway.example.org", "ftp://gateway.example.org", "https://", "https://host:port"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        AgentSection(base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{SECRET}@gateway.example.org",
        f"https://{SECRET}@gateway.example.org",
        f"https://gateway.example.org/?key={SECRET}",
        f"https://gateway.example.org/#{SECRET}",
    ],
)
def test_a_key_in_a_configs_address_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"experiment_name: e\nmodel: {{name: 'bundled:amber'}}\ntask: t\nagent:\n  base_url: '{url}'\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_config(config)
    assert "set ANTHROPIC_AUTH_TOKEN instead" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Refused(status=401, message="who?"),
            "did not accept the key: none was sent; set ANTHROPIC_AUTH_TOKEN to the one that it wants"
            " (ANTHROPIC_API_KEY is for Anthropic only). It says: who?",
        ),
        (Refused(status=404, message="no such model"), "does not know the model 'm': no such model."),
    ],
)
def test_a_gateways_refusal_names_the_gateway(answer: Refused, said: str) -> None:
    with MessagesServer([answer]) as server, pytest.raises(ProviderError) as caught:
        ask(AnthropicProvider(model="m", base_url=server.url))
    assert str(caught.value) == f"The server at {server.url} {said}"
