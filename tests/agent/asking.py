"""One provider that asks a loopback server, for the tests of its replies, waits and failures."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.provider import Prompt, Reply, ToolSpec
from interp_bench_ext.agent.retry import RetryPolicy
from interp_bench_ext.errors import ProviderError
from interp_bench_ext.models.key import Key
from interp_bench_ext.models.prices import DEFAULT_MODEL, load_prices
from interp_bench_ext.record.events import Event

from .messages_server import MessagesServer, Script

SECRET = "sk-ant-test-0123456789"


TOOLS = [
    ToolSpec(name="add_cell", description="Adds a cell.", input_schema={"type": "object", "properties": {}}),
    ToolSpec(name="run_cell", description="Runs a cell.", input_schema={"type": "object", "properties": {}}),
]


HELLO = [{"role": "user", "content": "Begin."}]


class Session:
    """One provider against one server, without real waiting."""

    def __init__(
        self,
        server: MessagesServer,
        *,
        model: str = DEFAULT_MODEL,
        retry: RetryPolicy | None = None,
        reply_limit_s: float = 60,
        reached: bool = True,
    ) -> None:
        self.events: list[Event] = []
        self.slept: list[float] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ANTHROPIC_BASE_URL", server.url)
            self.provider = AnthropicProvider(
                key=Key(api_key=SECRET),
                model=model,
                prices=load_prices(),
                retry=retry,
                sleep=self._sleep,
                reply_limit_s=reply_limit_s,
            )
        self.reached = reached

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def turns(self, *conversations: list[dict[str, Any]]) -> list[Reply]:
        async def run() -> list[Reply]:
            try:
                return [await self._reply(messages) for messages in conversations]
            finally:
                await self.provider.aclose()

        return asyncio.run(run())

    async def _reply(self, messages: list[dict[str, Any]]) -> Reply:
        return await self.provider.patience.insist(
            lambda: self.provider.reply(
                Prompt(system="You investigate.", messages=messages, tools=TOOLS),
                max_tokens=500,
                emit=self.events.append,
            ),
            emit=self.events.append,
            reached=self.reached,
        )


def ask(script: Script, **options: Any) -> tuple[Reply, Session, MessagesServer]:
    with MessagesServer(script) as server:
        session = Session(server, **options)
        return session.turns(HELLO)[0], session, server


def refused(script: Script, **options: Any) -> str:
    with MessagesServer(script) as server, pytest.raises(ProviderError) as caught:
        Session(server, **options).turns(HELLO)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)
