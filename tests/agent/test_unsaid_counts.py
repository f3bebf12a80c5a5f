"""Servers that do not count, or do not say what a reply took: budgets bind by our own count."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.provider import Prompt
from interp_bench_ext.models.key import Key
from interp_bench_ext.record.events import Event

from .desk import again
from .dialects import MODEL, Dialect, lacks, spoken
from .looping import Run, Script, run_loop, working
from .messages_server import MessagesServer, Raw, text


def budgeted(folder: Path, usage: dict[str, int], final: dict[str, int]) -> Run:
    folder.mkdir()
    dialect = Dialect(overflow=Raw(400, ""), usage=usage, final_usage=final)
    with MessagesServer(spoken(dialect, Script(30, working))) as server:
        return run_loop(folder, server, model=MODEL, max_tokens=60_000)


def test_budgets_bind_by_own_count_where_the_server_does_not_say(tmp_path: Path) -> None:
    counted = budgeted(tmp_path / "true", {}, {})
    missing = budgeted(tmp_path / "none", {"input_tokens": 0}, {"output_tokens": 0})
    assert counted.desk.state.figures.estimated is False
    figures = missing.desk.state.figures
    assert figures.estimated is True
    assert 2 <= len(missing.replies) <= len(counted.replies)
    assert figures.input_tokens / len(missing.replies) < 2 * counted.desk.state.figures.input_tokens / len(
        counted.replies
    )
    [meter] = [meter for meter in figures.meters() if meter.budget.name == "tokens"]
    assert meter.text == f"about {figures.tokens:,} of 60,000"
    assert again(missing.desk.events).figures.meters() == figures.meters()


def test_a_zero_at_the_end_does_not_undo_a_true_count(tmp_path: Path) -> None:
    run = budgeted(tmp_path / "a", {"input_tokens": 9_000}, {"input_tokens": 0, "output_tokens": 20})
    assert {(reply.input_tokens, reply.estimated) for reply in run.replies} == {(9_000, False)}
    assert str(run.error).startswith("the budget of 60,000 tokens")


@pytest.mark.parametrize(
    "answer",
    [
        Raw(404, "404 page not found"),
        Raw(200, {"error": "Unexpected endpoint or method. (POST /v1/messages/count_tokens)"}),
        Raw(200, "not JSON"),
        Raw(200, {"input_tokens": 0}),
        Raw(400, "doesn't support counting tokens"),
        Raw(401, {"error": {"message": "no key"}}),
        Raw(405, {"detail": "Method Not Allowed"}),
        Raw(422, {"detail": "no"}),
        Raw(500, "NotImplementedError"),
        Raw(501, {"error": {"type": "not_supported_error"}}),
        Raw(502, "<html><head><title>502 Bad Gateway</title></head></html>", "text/html"),
    ],
)
def test_whatever_counting_answers_it_ends_nothing(answer: Raw) -> None:
    events: list[Event] = []

    async def count(server: MessagesServer) -> list[int | None]:
        provider = AnthropicProvider(model=MODEL, key=Key(auth_token="t"), base_url=server.url)
        prompt = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
        counted = [await provider.count_tokens(prompt, emit=events.append) for _ in range(3)]
        await provider.aclose()
        return counted

    with MessagesServer([], counts=answer) as server:
        assert asyncio.run(count(server)) == [None, None, None]
    assert len(server.counted) == 1
    assert list(lacks(events)) == ["token counts"]


def test_a_busy_moment_is_no_lack() -> None:
    events: list[Event] = []

    async def count(server: MessagesServer) -> list[int | None]:
        provider = AnthropicProvider(model=MODEL, key=Key(auth_token="t"), base_url=server.url)
        prompt = Prompt(system="s", messages=[{"role": "user", "content": [text("Begin.")]}])
        counted = [await provider.count_tokens(prompt, emit=events.append) for _ in range(2)]
        await provider.aclose()
        return counted

    with MessagesServer([], counts=Raw(429, {"error": {"message": "slow down"}})) as server:
        assert asyncio.run(count(server)) == [None, None]
    assert len(server.counted) == 2
    assert events == []
