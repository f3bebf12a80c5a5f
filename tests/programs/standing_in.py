"""Stand-in programs on a PATH of their own, and a provider that drives one without an organism."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from interp_bench_ext.agent.mcp_provider import answer_in
from interp_bench_ext.agent.provider import Prompt, Reply
from interp_bench_ext.config import AgentSection
from interp_bench_ext.programs.installed import installed
from interp_bench_ext.programs.provider import ProgramProvider
from interp_bench_ext.record.events import Event

BEGIN: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "Begin."}]}


def install(folder: Path, name: str = "claude") -> Path:
    """Put the stand-in into ``folder`` under a program's name."""
    file = folder / name
    script = Path(__file__).with_name("stand_in.py").read_text(encoding="utf-8")
    file.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
    file.chmod(0o755)
    return file


def plan(monkeypatch: Any, **what: Any) -> None:
    """What the stand-in does."""
    monkeypatch.setenv("STAND_IN", json.dumps(what))


def alive(pid: int) -> bool:
    """Whether the process still runs; one that has ended may wait for ever for whoever adopted it to take note."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Desk:
    """A run's loop in small: asks for a reply, and answers it with the next."""

    def __init__(self, provider: ProgramProvider) -> None:
        self.provider = provider
        self.events: list[Event] = []
        self.messages = [BEGIN]

    async def reply(self) -> Reply:
        reply = await self.provider.reply(
            Prompt(system="The method.", messages=self.messages), max_tokens=1, emit=self.events.append
        )
        self.messages = [*self.messages, {"role": "assistant", "content": reply.content}]
        return reply

    def answer(self, text: str) -> None:
        call = self.messages[-1]["content"][-1]["id"]
        content = [{"type": "text", "text": text}]
        result = {"type": "tool_result", "tool_use_id": call, "content": content, "is_error": False}
        self.messages = [*self.messages, {"role": "user", "content": [result]}]

    async def conclude(self) -> None:
        await self.provider.conclude(answer_in(self.messages[-1]))


@asynccontextmanager
async def desk(**options: Any) -> AsyncIterator[Desk]:
    """A desk with the stand-in that is on the PATH; whatever it has started is ended."""
    agent = AgentSection(provider="claude-code", **options.pop("agent", {}))
    found = await asyncio.to_thread(installed, "claude-code")
    provider = ProgramProvider(
        found, agent=agent, credentials=options.pop("credentials", {}), events=(), attended=False, **options
    )
    try:
        yield Desk(provider)
    finally:
        await provider.aclose()
