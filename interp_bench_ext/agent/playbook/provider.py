"""The offline agent: a fixed protocol, the baseline that every model is compared with.

It knows what any agent knows: the public config, the techniques, and what the notebook's cells printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...config import PublicConfig
from ...errors import ProviderError
from ...record.events import Emit, Event, RunResumed, ToolReturned
from ..gate import SKIPPED, changed_code
from ..provider import Prompt, Reply
from .protocol import Call, Outcome, Protocol, protocol


@dataclass(frozen=True)
class PlaybookProvider:
    """Replays the protocol against the tool results so far and returns the call that comes next."""

    public: PublicConfig
    seed: int
    resumed_after: frozenset[int] = frozenset()
    """After how many results the run was resumed: what had failed by then may be put right."""

    @classmethod
    def of(cls, public: PublicConfig, seed: int, events: Sequence[Event]) -> PlaybookProvider:
        """For a run that ``events`` are recorded of."""
        results, resumed = 0, set()
        for event in events:
            results += isinstance(event, ToolReturned)
            if isinstance(event, RunResumed):
                resumed.add(results)
        return cls(public, seed, frozenset(resumed))

    async def reply(self, prompt: Prompt, *, max_tokens: int, emit: Emit) -> Reply:
        del max_tokens, emit
        run = protocol(self.public, self.seed)
        outcomes = [
            replace(outcome, resumed=number in self.resumed_after)
            for number, outcome in enumerate(_outcomes(prompt.messages), start=1)
        ]
        call = _advance(run, outcomes)
        content: list[dict[str, Any]] = [{"type": "text", "text": call.why}] if call.why else []
        block_id = f"playbook_{len(outcomes) + 1}"
        content.append({"type": "tool_use", "id": block_id, "name": call.tool, "input": call.arguments})
        return Reply(content=content, stop_reason="tool_use")


def _advance(run: Protocol, outcomes: Sequence[Outcome]) -> Call:
    try:
        call = next(run)
        for outcome in outcomes:
            call = run.send(outcome)
    except StopIteration:
        raise ProviderError("the playbook has ended, but the run has not") from None
    return call


def _outcomes(messages: Sequence[dict[str, Any]]) -> Iterator[Outcome]:
    for message in messages:
        for block in message["content"]:
            if block["type"] == "tool_result":
                text = "\n".join(part["text"] for part in block["content"] if part["type"] == "text")
                yield Outcome(
                    text=text,
                    is_error=block["is_error"],
                    facts=_facts(text),
                    skipped=text.startswith(SKIPPED),
                    code=changed_code(text),
                )


def _facts(text: str) -> dict[str, Any]:
    """The last line of facts that the cell printed, see ``kernel.evidence.state``."""
    for line in reversed(text.splitlines()):
        if line.startswith("facts: "):
            try:
                facts = json.loads(line.removeprefix("facts: "))
            except json.JSONDecodeError:
                return {}
            return facts if isinstance(facts, dict) else {}
    return {}
