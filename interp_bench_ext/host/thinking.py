"""Thinking of reasoning models: how a chat template opens and ends it, and which part of a reply it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from interp_bench_ext.conversations import Thinking
from interp_bench_ext.errors import BadInput


@dataclass(frozen=True)
class Marks:
    """What stands before and after the thinking."""

    opening: str
    closing: str

    def left_open(self, text: str) -> bool:
        """Whether ``text`` ends within thinking."""
        return text.rfind(self.opening) > text.rfind(self.closing)


_KNOWN = (
    Marks("<think>", "</think>"),
    Marks("[THINK]", "[/THINK]"),
    Marks("<thought>", "</thought>"),
    Marks("<seed:think>", "</seed:think>"),
    Marks("<|START_THINKING|>", "<|END_THINKING|>"),
    Marks("<|inner_prefix|>", "<|inner_suffix|>"),
    Marks("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    Marks("<|channel>thought\n", "<channel|>"),
    Marks("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
)
"""Of Qwen, DeepSeek and most; Magistral; EXAONE; Seed; Command A; Apertus; Kimi; Gemma; and gpt-oss."""


@dataclass(frozen=True)
class Probe:
    """What a template renders for one short user turn, with its thinking as it likes and switched off."""

    asked: str
    """Without the reply's opening."""
    opened: str
    """With the reply's opening."""
    before_reply: str
    """Up to the words of a reply that did not think."""
    asked_off: str
    opened_off: str


@dataclass(frozen=True)
class ThinkingFormat:
    """How a chat template handles thinking; without marks and endings it knows nothing of it."""

    marks: Marks | None = None
    opening: str = ""
    """What the template puts before a reply."""
    ending: str = ""
    """What ends the thinking after the opening, before the reply's first word; empty where there is none to end."""
    opening_off: str | None = None
    """The opening with the template's own switch turned off; None where it has no such switch."""

    @classmethod
    def of(cls, template: str, probe: Probe) -> ThinkingFormat:
        """Read off the template's text and what it renders."""
        marks = next((known for known in _KNOWN if known.opening in template or known.closing in template), None)
        opening, opening_off = _added(probe.asked, probe.opened), _added(probe.asked_off, probe.opened_off)
        switched = (probe.asked_off, probe.opened_off) != (probe.asked, probe.opened)
        return cls(marks, opening, _ending(marks, opening, opening_off, probe), opening_off if switched else None)

    def after_opening(self, thinking: Thinking) -> str:
        """What follows the template's own opening. Raises BadInput for ``off`` where nothing can be switched off."""
        if thinking == "off" and self.opening_off is None and self.ending:
            raise BadInput("This organism's chat template cannot leave thinking out: use thinking='close'.")
        return self.ending if thinking == "close" else ""

    def split(self, text: str, thinking: Thinking, prefill: str) -> tuple[str, str]:
        """The thinking in ``text``, which continues ``prefill``, and the reply; cut off in thought, there is none."""
        if self.marks is None:
            return "", text
        opening = self.opening_off if thinking == "off" and self.opening_off is not None else self.opening
        begun = text.lstrip().startswith(self.marks.opening)
        if not begun and not self.marks.left_open(opening + self.after_opening(thinking) + prefill):
            return "", text
        thought, _, reply = text.lstrip().removeprefix(self.marks.opening).partition(self.marks.closing)
        return thought.strip(), reply.lstrip("\n")


def _added(shorter: str, longer: str) -> str:
    return longer[len(os.path.commonprefix([shorter, longer])) :]


def _ending(marks: Marks | None, opening: str, opening_off: str, probe: Probe) -> str:
    """The template's own way first: with thinking switched off, then before a reply of a conversation."""
    switched = opening_off.removeprefix(opening) if opening_off.startswith(opening) else ""
    if switched.strip():
        return switched
    if marks is None:
        return ""
    written = probe.before_reply.rpartition(opening)[2] if opening and opening in probe.before_reply else ""
    if written.strip() and (marks.closing in written or marks.closing.endswith(written)):
        return written
    if marks.left_open(opening):
        return ("" if opening.endswith("\n") else "\n") + f"\n{marks.closing}\n\n"
    return ""


def probe(render: Callable[[bool, bool], str], before_reply: str) -> Probe:
    """A probe made with ``render(opened, off)``."""
    return Probe(render(False, False), render(True, False), before_reply, render(False, True), render(True, True))
