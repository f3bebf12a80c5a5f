"""Sampled texts, grouped by the prompt and prefill that they answer."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import ACCENT, escaped, not_shown, passage, quiet
from .kit.result import Columns, Floats, Ints, Result
from .kit.safe_text import clean, clip, counted, more, one_line, rounded, shorten
from .kit.selection import Limits, text_limit

_LINES, _PROMPT_CHARACTERS, _THOUGHT_CHARACTERS = 32, 240, 240
_HTML_TEXTS, _HTML_CHARACTERS = 60, 2500
_HTML_OPEN = 6
"""Texts that are seen at once; those after them are folded."""
_POINTS = 500
_MARKED = f"background-color:{ACCENT.format('0.2')}"
"""What the organism itself said, where the beginning was put into its mouth."""


class Generations(Result):
    """N sampled texts, one row each."""

    prompts: tuple[str, ...]
    """Per row: the last user turn or the stem that it answers."""
    prefills: tuple[str, ...]
    """Per row: what the model was made to begin with; empty where nothing."""
    texts: tuple[str, ...]
    """Per row: the continuation, without prompt, prefill and thinking."""
    thinking: tuple[str, ...] = ()
    """Per row: what a reasoning model thought before it replied; empty where nothing."""
    logprobs: Floats
    """[N] sum over the drawn tokens, nats."""
    n_tokens: Ints
    """[N] drawn tokens."""
    finishes: tuple[str, ...]
    """Per row: ``stop`` (the model ended) or ``length``."""
    arm: str
    """``organism`` or ``base``."""

    def _headline(self) -> str:
        n, prompts = len(self.texts), len(set(self.prompts))
        alike = ", all alike" if n > 1 and all(self._alike(rows) for _, rows in self._groups()) else ""
        return f"{counted(n, 'text')} from the {clip(self.arm, 20)}, {counted(prompts, 'prompt')}{alike}"

    def _alike(self, rows: Sequence[int]) -> bool:
        """Whether each of several texts is the same, as at temperature 0."""
        return len(rows) > 1 and len({self.texts[row] for row in rows}) == 1

    def _lines(self) -> list[str]:
        lines: list[str] = []
        limit, shown = text_limit(len(self.texts)), 0
        for (prompt, prefill), rows in self._groups():
            if shown >= _LINES:
                break
            lines.append(f"prompt: {one_line(prompt, _PROMPT_CHARACTERS)}")
            if prefill:
                lines.append(f"prefill: {one_line(prefill, _PROMPT_CHARACTERS)}")
            for row in rows[: _LINES - shown]:
                if thought := self._thought(row):
                    lines.append(f"  {row + 1}. thought: {one_line(thought, _THOUGHT_CHARACTERS)}")
                lines.append(f"  {row + 1}. {one_line(self.texts[row], limit)}  [{self._note(row)}]")
            shown += len(rows)
        return lines + more(len(self.texts) - _LINES, "text")

    def _html(self) -> Iterable[str]:
        rows = range(min(len(self.texts), _HTML_TEXTS))
        yield from self._html_rows(rows[:_HTML_OPEN])
        if folded := rows[_HTML_OPEN:]:
            yield elements.folded(counted(len(folded), "more text"), "".join(self._html_rows(folded)))
        yield from not_shown(len(self.texts) - _HTML_TEXTS, "text")

    def _html_rows(self, rows: Iterable[int]) -> Iterable[str]:
        shared = None
        for row in rows:
            if self.prompts[row] != shared:
                shared = self.prompts[row]
                yield elements.prompt("prompt", shared)
            yield self._html_text(row, self.prefills[row])

    def _html_text(self, row: int, prefill: str) -> str:
        thinking = passage(shorten(clean(self._thought(row)), _HTML_CHARACTERS), "opacity:0.75")
        thought = elements.folded("Thinking", thinking) if self._thought(row) else ""
        begun = passage(shorten(clean(prefill), 600), "opacity:0.62") if prefill else ""
        continued = passage(shorten(clean(self.texts[row]), _HTML_CHARACTERS), _MARKED if prefill else "")
        note = quiet(escaped(f"{row + 1} · {self._told(row)}"))
        edge = f"border-left:3px solid {ACCENT.format('0.7')};padding:1px 0 1px 10px;margin:6px 0"
        said = f'<div dir="auto">{begun}{continued}</div>'
        return f'<div style="{edge};overflow-wrap:break-word">{thought}{said}{note}</div>'

    def _chart(self, limits: Limits) -> Any:
        """A point per text; the picture that shows the texts themselves is the HTML."""
        import altair

        from .kit import charts

        subtitle = "one point per text; drag to move, Alt and the wheel to zoom, double-click to go back"
        ends = ["stop", "length"]
        colours = altair.Scale(domain=ends, range=[charts.ACCENT, charts.OTHER])
        names = {"text:N": "text", "tokens:Q": "tokens", "value:Q": "nats per token", "finish:N": "ended by"}
        rows, axis = self._points(), altair.Axis(format=".2f", tickCount=5)
        return (
            charts.Chart(charts.data(rows), title=altair.Title(self._headline(), subtitle=subtitle))
            .mark_point(filled=True, size=55, opacity=0.7)
            .encode(
                x=altair.X("value:Q", title="mean log p per token, nats", scale=_around(rows), axis=axis),
                y=altair.Y("group:N", title=None, sort=None),
                color=altair.Color("finish:N", title="ended by", scale=colours),
                shape=altair.Shape("finish:N", title="ended by", scale=altair.Scale(domain=ends)),
                tooltip=charts.tooltip(names),
            )
            # The wheel alone scrolls the notebook.
            .add_params(altair.selection_interval(bind="scales", encodings=["x"], zoom="wheel![event.altKey]"))
            .properties(width=420)
        )

    def _points(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for number, ((prompt, prefill), members) in enumerate(self._groups(), start=1):
            name = f"{number}. {clip(prefill or prompt, 30)}"
            for row in members:
                mean = rounded(self.logprobs[row] / max(1, int(self.n_tokens[row])))
                shown = {"text": one_line(self.texts[row], 160), "tokens": int(self.n_tokens[row])}
                rows.append({"group": name, "value": mean, "finish": clip(self.finishes[row], 12), **shown})
        return rows[:_POINTS]

    def _columns(self) -> Columns:
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.logprobs / self.n_tokens
        return {
            "prompt": self.prompts,
            "prefill": self.prefills,
            "thinking": self.thinking or ("",) * len(self.texts),
            "text": self.texts,
            "tokens": self.n_tokens,
            "logprob_nats": self.logprobs,
            "logprob_nats_per_token": mean,
            "finish": self.finishes,
            "arm": self.arm,
        }

    def _thought(self, row: int) -> str:
        return self.thinking[row] if self.thinking else ""

    def _groups(self) -> Iterable[tuple[tuple[str, str], list[int]]]:
        """Consecutive rows that share prompt and prefill."""
        rows = range(len(self.texts))
        for key, group in itertools.groupby(rows, key=lambda row: (self.prompts[row], self.prefills[row])):
            yield key, list(group)

    def _told(self, row: int) -> str:
        """What :meth:`_note` says, for a person."""
        length = counted(int(self.n_tokens[row]), "token")
        words = {f"{length}, length": f"cut at {length}", f"{length}, stop": length}
        note = self._note(row)
        for said, meant in words.items():
            note = note.replace(said, meant)
        return note.replace(" -", " \N{MINUS SIGN}")

    def _note(self, row: int) -> str:
        """Length, ending and mean log-probability of one text."""
        n_tokens = int(self.n_tokens[row])
        mean = float(self.logprobs[row]) / n_tokens if n_tokens else float("nan")
        cut = ", cut off in thought" if self._thought(row) and not self.texts[row] else ""
        return f"{counted(n_tokens, 'token')}, {clip(self.finishes[row], 20)}{cut}, {mean:.2f} nats/token"


def _around(points: list[dict[str, Any]]) -> Any:
    """A scale with room on both sides of the points, also of a single one."""
    import altair

    values = [point["value"] for point in points if point["value"] is not None]
    if not values:
        return altair.Scale(zero=False)
    low, high = min(values), max(values)
    room = max(0.1 * (high - low), 0.05)
    return altair.Scale(zero=False, domain=[low - room, high + room])
