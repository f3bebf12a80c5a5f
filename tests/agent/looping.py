"""The loop with the real SDK, a loopback server and a real notebook, whose cells are Markdown to save time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.agent.auxiliary import Auxiliary
from interp_bench_ext.agent.budget import Budgets
from interp_bench_ext.agent.loop import investigate
from interp_bench_ext.agent.prompt import agent_md
from interp_bench_ext.agent.retry import RetryPolicy
from interp_bench_ext.config import AgentSection, Thinking
from interp_bench_ext.errors import InterpBenchError
from interp_bench_ext.models.key import Key
from interp_bench_ext.models.prices import DEFAULT_MODEL
from interp_bench_ext.record.events import AgentReplied, Event

from .desk import Desk
from .messages_server import Answer, Block, MessagesServer, Streamed, text, thinking, tool_use


@dataclass
class Script:
    """Answers request by request: ``steps`` times what ``step`` says, then the findings.

    A request without tools asks for a summary.
    """

    steps: int
    step: Callable[[int], list[Block]]
    summaries: list[Answer] = field(default_factory=list)
    answers: dict[int, list[Answer]] = field(default_factory=dict)
    """What comes first at a step."""
    at: int = 0

    def __call__(self, request: dict[str, Any]) -> Answer:
        if "tools" not in request:
            return self.summaries.pop(0) if self.summaries else Streamed(content=[text("So far nothing is known.")])
        if self.answers.get(self.at):
            return self.answers[self.at].pop(0)
        self.at += 1
        if self.at > self.steps:
            submitted = tool_use("submit_findings", {"summary": "Nothing was found."}, id=f"end{self.at}")
            return Streamed(content=[submitted], stop_reason="tool_use")
        return Streamed(content=self.step(self.at), stop_reason="tool_use")


def working(step: int, *, words: int = 40) -> list[Block]:
    """A thought, a note in the notebook and, now and then, a hypothesis."""
    said = " ".join(f"observation {step}-{index}" for index in range(words))
    calls = [tool_use("add_markdown", {"text": said}, id=f"a{step}")]
    if step % 10 == 0:
        noted = {"claim": f"Claim {step // 20}", "status": "open"}
        calls.append(tool_use("note_hypothesis", noted, id=f"h{step}"))
    return [thinking(f"Step {step}: what follows from {said[:200]}?"), *calls]


def reading(step: int) -> list[Block]:
    """Looks at everything again and again, which floods the conversation."""
    if step == 1:
        return [tool_use("add_markdown", {"text": "A long note. " * 250}, id="a1")]
    return [thinking(f"Once more, {step}."), tool_use("read_notebook", {}, id=f"r{step}")]


@dataclass
class Run:
    desk: Desk
    error: InterpBenchError | None
    slept: list[float]

    @property
    def replies(self) -> list[AgentReplied]:
        return [event for event in self.desk.events if isinstance(event, AgentReplied)]

    def share_read(self, *, after: int = 2) -> float:
        """Of all input tokens behind the first ``after`` replies, those that were read from the cache."""
        replies = self.replies[after:]
        read = sum(reply.cache_read_tokens for reply in replies)
        return read / (read + sum(reply.input_tokens + reply.cache_write_tokens for reply in replies))


def run_loop(
    folder: Path,
    server: MessagesServer,
    *,
    model: str = DEFAULT_MODEL,
    context_window: int | None = None,
    thinking: Thinking = "auto",
    person: Callable[[Event], None] | None = None,
    desk: Desk | None = None,
    reply_limit_s: float = 60,
    **limits: Any,
) -> Run:
    """Investigate until the end; an error that ends it is returned."""
    desk = desk or Desk(folder)
    desk.person = person or desk.person
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    async def main() -> InterpBenchError | None:
        provider = AnthropicProvider(
            key=Key(auth_token="a-token"),
            model=model,
            base_url=server.url,
            context_window=context_window,
            thinking=thinking,
            retry=RetryPolicy(),
            sleep=sleep,
            reply_limit_s=reply_limit_s,
        )
        agent = AgentSection(**{"max_steps": 500, "max_minutes": None, **limits})
        budgets = Budgets(agent, clock=lambda: float(len(desk.events)) + sum(slept))
        desk.auxiliary = Auxiliary(provider, budgets)
        try:
            async with asyncio.timeout(200), desk.open():
                await investigate(gate=desk.gate, provider=provider, system=agent_md(), budgets=budgets)
        except InterpBenchError as error:
            return error
        finally:
            await provider.aclose()
        return None

    return Run(desk, asyncio.run(main()), slept)
