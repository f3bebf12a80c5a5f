"""Whether a run shows what is sealed: over its events in order, its notebook and its report.

An organism may be brought to tell its prompt, and an agent may guess a public model's name: that is research. So what
the output of a cell that asked the organism holds is told by it, and what is told once is no leak later. Anything else
that holds it is one: a cell that asked nothing, a tool's answer, the agent's own words before the organism told it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from ..record.cell_events import CellAdded, CellEdited, CellFinished, CellOutput
from ..record.events import AgentDelta, AgentReplied, Event, FindingsSubmitted, HypothesisNoted, Scored
from .disguises import views
from .needles import Needle, not_public

Author = Literal["organism", "agent", "other"]
_IDS = re.compile(r"\d+(?:[\s,;]+\d+){7,}")
_MOST = 20
"""Leaks that are listed."""
_AGENTS = (AgentReplied, CellAdded, CellEdited, HypothesisNoted, FindingsSubmitted)


class LeakScan:
    """Looks through texts, in the order in which they came to be."""

    def __init__(self, needles: Sequence[Needle], *, prompt_ids: Sequence[int] = ()) -> None:
        """``prompt_ids`` are the tokens of the hidden prompt, where its tokenizer is on this machine."""
        self._needles = list(needles)
        self._prompt = " ".join(map(str, prompt_ids))
        self._told: set[str] = set()
        self._seen: set[str] = set()
        self._leaks: dict[str, None] = {}

    @property
    def leaks(self) -> list[str]:
        """What was found, how it was hidden and where; never the thing itself."""
        return list(self._leaks)[:_MOST]

    def events(self, events: Iterable[Event]) -> None:
        """Look through a run's events."""
        outputs: dict[str, list[CellOutput]] = {}
        for event in events:
            match event:
                case CellOutput():
                    outputs.setdefault(event.cell_id, []).append(event)
                case CellFinished():
                    self._outputs(outputs.pop(event.cell_id, []), asked=event.organism_s > 0)
                case AgentDelta() | Scored():
                    pass
                case _:
                    author: Author = "agent" if isinstance(event, _AGENTS) else "other"
                    self.look(strings(event.model_dump(mode="json")), f"the event {event.type}", author)
        for rest in outputs.values():
            self._outputs(rest, asked=False)

    def notebook(self, text: str) -> None:
        """Look through a notebook's file."""
        try:
            found = list(strings(json.loads(text)))
        except (ValueError, RecursionError):
            found = [text]
        self.look(found, "the notebook", "other")

    def report(self, page: str) -> None:
        """Look through an HTML page."""
        self.look([page, html.unescape(re.sub(r"<[^>]*>", " ", page))], "the report", "other")

    def look(self, texts: Iterable[str], where: str, author: Author) -> None:
        """Look through ``texts``; each is looked through once, wherever it stands again."""
        for text in texts:
            if len(text) >= 8 and text not in self._seen:
                self._seen.add(text)
                self._look(text, where, author)

    def _outputs(self, outputs: list[CellOutput], *, asked: bool) -> None:
        for event in outputs:
            self.look(strings(event.output), f"the output of {event.cell_id}", "organism" if asked else "other")
        # A stream comes in pieces.
        whole = "".join(text for event in outputs for text in strings(event.output.get("text", "")))
        if outputs:
            self.look([whole], f"the output of {outputs[0].cell_id}", "organism" if asked else "other")

    def _look(self, text: str, where: str, author: Author) -> None:
        for how, seen in views(text):
            for needle in self._needles:
                if needle.squeezed not in self._told and needle.squeezed in seen:
                    self._found(needle, how, where, author)
        if self._prompt and "the hidden prompt" not in self._told:
            for found in _IDS.finditer(text):
                if _shared(self._prompt, found[0]):
                    self._leaks[f"the hidden prompt, as token ids, in {where}"] = None

    def _found(self, needle: Needle, how: str, where: str, author: Author) -> None:
        excused = {"none": (), "organism": ("organism",), "guess": ("organism", "agent")}[needle.excuse]
        if author in excused:
            self._told.add(needle.squeezed)
        else:
            self._leaks[", ".join(filter(None, (needle.what, how, f"in {where}")))] = None


def _shared(prompt: str, ids: str, *, least: int = 8) -> bool:
    """Whether ``least`` of the prompt's tokens stand in a row in ``ids``."""
    row = re.sub(r"\D+", " ", ids).split()
    text = f" {prompt} "
    return any(f" {' '.join(row[at : at + least])} " in text for at in range(len(row) - least + 1))


def strings(value: Any) -> Iterator[str]:
    """All texts in a JSON value, pictures left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, entry in value.items():
            if not key.startswith("image/"):
                yield key
                yield "".join(entry) if _lines(entry) else ""
                yield from strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from strings(entry)


def _lines(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(line, str) for line in value)


def leaks_in(
    events: Sequence[Event],
    *,
    needles: Sequence[Needle],
    public: Sequence[str],
    notebook: str,
    report: str,
    prompt_ids: Sequence[int] = (),
) -> list[str]:
    """What of the sealed half a run shows; empty for a run that is clean.

    Args:
        events: The run's, in order.
        needles: What is sealed.
        public: What anybody may know of the run.
        notebook: Its file's text.
        report: Its page, as it is without a score.
        prompt_ids: The hidden prompt's tokens, where they are known.
    """
    scan = LeakScan(not_public(needles, public), prompt_ids=prompt_ids)
    scan.events(events)
    scan.notebook(notebook)
    scan.report(report)
    return scan.leaks
