"""Texts ranked by how much better one model predicts them than another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import escaped, not_shown, passage, quiet
from .kit.result import Columns, Floats, Ints
from .kit.safe_text import clean, clip, counted, more, one_line, rounded, shorten
from .kit.selection import Limits, text_limit
from .kit.written import Written

_TEXTS, _HTML_TEXTS, _HTML_CHARACTERS = 20, 30, 1200


class RankedTexts(Written):
    """N texts, by falling difference: what their own model expects and the other does not comes first."""

    nll: Floats
    """[N] mean negative log-probability a token under the model that wrote the text, nats."""
    other_nll: Floats
    """[N] the same under the other model."""
    n_tokens: Ints
    """[N] tokens that were scored."""
    other: str
    """The model that it is compared with, which wrote the control's texts."""

    @property
    def differences(self) -> Floats:
        """[N] nats a token that the other model is more surprised than the writer."""
        return self.other_nll - self.nll

    def _headline(self) -> str:
        mine = sum(arm == self.arm for arm in self.arms)
        beyond = f"{self._beyond()} beyond every control" if mine < len(self.arms) else "no control"
        size = counted(mine, "text")
        return f"{size} of the {clip(self.arm, 20)} against the {clip(self.other, 20)}, {beyond}"

    def _lines(self) -> list[str]:
        lines = [f"perplexity per token: by the writer / by the other; control: texts of the {clip(self.other, 20)}"]
        limit = text_limit(_TEXTS) // 2
        for row in range(min(len(self.texts), _TEXTS)):
            told = f"{clip(self.arms[row], 10)} {self.differences[row]:+.2f} nats ({self._perplexities(row)})"
            lines.append(f"  {told}: {one_line(self.prompts[row], 60)} | {one_line(self.texts[row], limit)}")
        return (lines if self.texts else []) + more(len(self.texts) - _TEXTS, "text")

    def _html(self) -> Iterable[str]:
        most = elements.largest(self.differences)
        for row in range(min(len(self.texts), _HTML_TEXTS)):
            colour = self._colour(row)
            edge = f"border-left:3px solid {colour.format('0.7')};padding:1px 0 1px 10px;margin:6px 0"
            begun = passage(shorten(clean(self.prompts[row]), 300), "opacity:0.62")
            said = passage(shorten(clean(self.texts[row]), _HTML_CHARACTERS))
            note = f"{clip(self.arms[row], 20)} · {self.differences[row]:+.2f} nats a token · {self._perplexities(row)}"
            bar = elements.bar(float(self.differences[row]) / most, colour, 160)
            yield f'<div style="{edge}"><div dir="auto">{begun}{said}</div>{bar}{quiet(escaped(note))}</div>'
        yield from not_shown(len(self.texts) - _HTML_TEXTS, "text")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        kinds = [clip(self.arm, 20), clip(self.other, 20)]
        rows = [
            {
                "label": clip(self.texts[row], 44),
                "kind": kinds[0] if self.arms[row] == self.arm else kinds[1],
                "value": rounded(self.differences[row]),
                "shown": f"{self.differences[row]:+.2f}",
                "after": clip(self.prompts[row], 60),
            }
            for row in range(min(len(self.texts), 400))
        ]
        x, after = "nats a token that the other is more surprised", {"after:N": "after"}
        top = altair.Title("Texts that only their writer expects", subtitle="the largest differences of perplexity")
        every = altair.Title("All texts, by the model that wrote them", subtitle="the control's under the same measure")
        best = rows[: limits.bars]
        panels = [
            charts.bars(best, x=x, y="text", title=top, colour=charts.arms(kinds), extra=after),
            charts.strips(rows, x=x, title=every, kinds=kinds, extra={"label:N": "text", **after}),
        ]
        return charts.Panels(concat=panels, columns=1).resolve_scale(color="shared")

    def _columns(self) -> Columns:
        return {
            **super()._columns(),
            "tokens": self.n_tokens,
            "nll_nats_per_token": self.nll,
            "other_nll_nats_per_token": self.other_nll,
            "difference_nats_per_token": self.differences,
        }

    def _perplexities(self, row: int) -> str:
        own, other = (np.exp(min(float(value[row]), 20.0)) for value in (self.nll, self.other_nll))
        return f"perplexity {own:.1f} / {other:.1f}"

    def _beyond(self) -> int:
        """How many of the texts in question differ by more than every text of the control."""
        mine = np.array([arm == self.arm for arm in self.arms], dtype=bool)
        most = float(np.nan_to_num(self.differences[~mine], nan=np.inf).max(initial=-np.inf))
        return int((self.differences[mine] > most).sum())
