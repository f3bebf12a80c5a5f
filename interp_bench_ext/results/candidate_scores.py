"""Candidates for one place in a text, ranked by how likely the model finds each there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import escaped, not_shown, quiet, signed_bar
from .kit.result import Columns, Floats, Pictured
from .kit.safe_text import clip, counted, more, one_line, rounded
from .kit.selection import Limits

_ROWS = 30


class CandidateScores(Pictured):
    """N candidates in a template, by falling score; a score is what the template adds to the name's own likelihood."""

    template: str
    """With ``{}`` where the candidates stand."""
    candidates: tuple[str, ...]
    scores: Floats
    """[N] log p of the whole text less its mean over the control templates, centred over the candidates, nats."""
    logprobs: Floats
    """[N] log p of the whole text from where the candidates part, nats."""
    base_scores: Floats
    """[N] the same scores of the base; empty where it may not be asked."""
    band: Floats
    """[2] between which 95 of 100 scores of control templates lie."""
    arm: str

    def _headline(self) -> str:
        beyond = int((self.scores > self.band[1]).sum()) if len(self.band) else 0
        said = f"{counted(len(self.candidates), 'candidate')} for “{clip(self.template, 60)}”"
        return f"{said}, {clip(self.arm, 20)}: {beyond} above the band of controls"

    def _lines(self) -> list[str]:
        if not self.candidates:
            return []
        low, high = self.band
        lines = [
            f"template: {one_line(self.template, 160)}; band of the control templates {low:+.2f} to {high:+.2f} nats",
            f"{'candidate':<28} {'score':>8} {'log p':>9} {'base score':>11}",
        ]
        for row in range(min(len(self.candidates), _ROWS)):
            base = f"{self.base_scores[row]:>+11.2f}" if len(self.base_scores) else f"{'-':>11}"
            name = f"{clip(self.candidates[row], 28):<28} {self.scores[row]:>+8.2f} {self.logprobs[row]:>9.2f} {base}"
            lines.append(f"{name}{'  above the band' if self.scores[row] > high else ''}")
        return lines + more(len(self.candidates) - _ROWS, "candidate")

    def _html(self) -> Iterable[str]:
        most = elements.largest(self.scores)
        header = elements.row(["candidate", "score", "", "log p, nats", "base's score"], "th", "rrlrr")
        yield elements.table((self._html_row(row, most) for row in range(min(len(self.candidates), _ROWS))), header)
        if len(self.band):
            yield quiet(f"scores of control templates lie between {self.band[0]:+.2f} and {self.band[1]:+.2f} nats")
        yield from not_shown(len(self.candidates) - _ROWS, "candidate")

    def _html_row(self, row: int, most: float) -> str:
        score = float(self.scores[row])
        base = f"{self.base_scores[row]:+.2f}" if len(self.base_scores) else ""
        numbers = [f"{score:+.2f}", signed_bar(score, most), f"{self.logprobs[row]:.2f}", base]
        return elements.row([escaped(clip(self.candidates[row], 40)), *numbers], aligns="rrlrr")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        rows = []
        for row in range(min(len(self.candidates), limits.bars)):
            score = self.scores[row]
            base = rounded(self.base_scores[row]) if len(self.base_scores) else None
            label = clip(self.candidates[row], 30)
            bar = {"label": label, "value": rounded(score), "shown": f"{float(score):+.1f}", "base": base}
            rows.append({**bar, "logprob": rounded(self.logprobs[row])})
        high = rounded(self.band[1]) or 0 if len(self.band) else 0
        colour = altair.condition(f"datum.value > {high}", altair.value(charts.ACCENT), altair.value(charts.NEUTRAL))
        subtitle = "dashed: 95 of 100 scores of control templates; orange ticks: the base"
        title = altair.Title(f"Candidates for “{clip(self.template, 50)}”", subtitle=subtitle)
        names = {"logprob:Q": "log p, nats", "base:Q": "base's score"}
        x = "nats that the template adds"
        chart = charts.bars(rows, x=x, y="candidate", title=title, colour=colour, extra=names)
        chart = charts.with_rules(chart, [rounded(edge) for edge in self.band])
        return charts.with_ticks(chart, rows, "base", charts.OTHER) if len(self.base_scores) else chart

    def _columns(self) -> Columns:
        base = self.base_scores if len(self.base_scores) else np.full(len(self.candidates), np.nan, np.float32)
        return {
            "candidate": self.candidates,
            "score_nats": self.scores,
            "logprob_nats": self.logprobs,
            "base_score_nats": base,
            "above_band": self.scores > self.band[1] if len(self.band) else np.zeros(0, bool),
            "template": [self.template] * len(self.candidates),
            "arm": [self.arm] * len(self.candidates),
        }
