"""What goes on in a run that an MCP client leads, read from its journal as it is written."""

from __future__ import annotations

import asyncio
from typing import Any

from ..agent.mcp_provider import Answer, OutsideProvider, answer_in
from ..agent.state import RunState
from ..agent.tools.rendering import output_text
from ..record.cell_events import CellOutput, CellStarted, KernelStarted
from ..record.events import (
    ApprovalAsked,
    Event,
    OrganismLoading,
    OrganismReady,
    OrganismWentAway,
    RunEnded,
    RunPaused,
    RunResumed,
)
from ..runs.manager import RunManager

_MAX_HEADLINE = 200
_PERSON = "in JupyterLab's sidebar"


class Follower:
    """Folds the run's events, and tells its provider when it has ended."""

    def __init__(self, runs: RunManager, run: str, provider: OutsideProvider) -> None:
        self.headline = ""
        """What goes on now, in one line."""
        self._runs, self._run, self._provider = runs, run, provider
        self._state = RunState()
        self._ended: RunEnded | None = None
        self._news = asyncio.Event()

    async def follow(self) -> None:
        """Read until the run has ended, or cannot be read any more: nobody waits for it after that."""
        after = 0
        try:
            while True:
                under_way = self._run in self._runs.under_way()
                for entry in list(self._runs.journal.entries(self._run, after=after)):
                    after = entry.seq
                    self._state.apply(entry.event, entry.at)
                    self._take(entry.event)
                if self._ended is not None or not under_way:
                    return
                await self._runs.feed.more(self._run)
        finally:
            self._provider.end(self._last_words())

    @property
    def hypotheses(self) -> list[str]:
        """One line of Markdown for each that was noted."""
        return self._state.ledger.hypothesis_lines

    def forget(self) -> None:
        """Let what has happened so far be no news any more."""
        self._news.clear()

    async def more(self) -> str:
        """The next headline, as soon as there is one."""
        await self._news.wait()
        self._news.clear()
        return self.headline

    def _take(self, event: Event) -> None:
        match event:
            case RunEnded():
                self._ended = event
            case RunResumed():
                self._ended = None
            case _:
                pass
        headline = headline_of(event)
        if headline and headline != self.headline:
            self.headline = headline
            self._news.set()

    def _last_words(self) -> Answer:
        """What came of the last call, if anything did since, and how the run ended."""
        last = self._state.messages[-1]
        told = last["role"] == "user" and self._state.figures.steps > 0
        said = answer_in(last) if told else Answer(content=[])
        closing = {"type": "text", "text": self._closing()}
        return Answer(content=[*said.content, closing], is_error=said.is_error or self._failed)

    @property
    def _failed(self) -> bool:
        return self._ended is None or self._ended.status == "failed"

    def _closing(self) -> str:
        if self._ended is None:
            return f"Run {self._run} was cut off. resume_run goes on with it."
        if self._ended.status == "finished":
            return f"Run {self._run} is finished. The person scores it; there is nothing more to do."
        why = f"{self._ended.status}: {self._ended.message.rstrip('.')}"
        if not self._state.figures.steps:
            return f"Run {self._run} has not begun ({why}). Once that is put right, resume_run begins it."
        return (
            f"Run {self._run} is {why}. Nothing of it is lost; if the person wants it to go on, resume_run does that."
        )


def headline_of(event: Event) -> str:
    """What ``event`` says about how far the run is, in one line; empty where it says nothing."""
    match event:
        case CellStarted() | CellOutput():
            return _cell_line(event)
        case ApprovalAsked():
            return f"{event.cell_id} waits until the person allows it {_PERSON}"
        case RunPaused():
            return f"the person has paused the run {_PERSON}"
        case _:
            return _start_line(event)


def _start_line(event: Event) -> str:
    match event:
        case OrganismLoading():
            share = f", {event.done / event.total:.0%}" if event.total else ""
            return f"the organism loads: {event.stage}{share}"
        case OrganismReady():
            return f"the organism is ready on {event.device}"
        case OrganismWentAway():
            return f"the organism was lost: {event.reason}"
        case KernelStarted():
            return "the notebook's kernel has started"
        case _:
            return ""


def _cell_line(event: CellStarted | CellOutput) -> str:
    match event:
        case CellStarted():
            return f"{event.cell_id} runs"
        case CellOutput():
            line = _last_line(event.output)
            return f"{event.cell_id}: {line}" if line else ""


def _last_line(output: dict[str, Any]) -> str:
    lines = [line for line in output_text(output).splitlines() if line.strip()]
    return lines[-1].strip()[:_MAX_HEADLINE] if lines else ""
