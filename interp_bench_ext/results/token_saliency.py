"""Which tokens of the input a given reply depends on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit.elements import ACCENT, OTHER, escaped, not_shown, quiet
from .kit.over_tokens import OverTokens
from .kit.result import Columns, Floats
from .kit.safe_text import clip, counted, more, one_line, rounded, shorten, token_label
from .kit.selection import Limits

_ROWS, _HTML_TOKENS = 16, 600


class TokenSaliency(OverTokens):
    """T input tokens, and what of the reply's log-probability hangs on each."""

    reply: str
    logprob: float
    """Of the reply after the whole input, nats."""
    gradients: Floats
    """[T] gradient times input: a first-order estimate, nats."""
    left_out: Floats
    """[T] exact: log p of the reply less log p without the token, nats; NaN where it was not tried."""

    def _headline(self) -> str:
        reply = one_line(shorten(self.reply, 40), 60)
        return f"what “{reply}” (log p {self.logprob:.2f} nats) depends on, {counted(len(self.tokens), 'token')}"

    def _lines(self) -> list[str]:
        lines = [f"{'token':<20} {'position':>8} {'left out, nats':>15} {'gradient x input':>17}"]
        for row in self._strongest(_ROWS):
            exact = f"{self.left_out[row]:>+15.3f}" if np.isfinite(self.left_out[row]) else f"{'-':>15}"
            lines.append(f"{token_label(self.tokens[row], 20):<20} {row:>8} {exact} {self.gradients[row]:>+17.3f}")
        return lines + more(len(self.tokens) - _ROWS, "token")

    def _html(self) -> Iterable[str]:
        exact = np.nan_to_num(self.left_out)
        most = float(np.abs(exact).max(initial=0)) or 1.0
        spans = []
        for row in range(min(len(self.tokens), _HTML_TOKENS)):
            share = min(1.0, abs(float(exact[row])) / most)
            colour = (ACCENT if exact[row] >= 0 else OTHER).format(f"{0.65 * share:.2f}")
            title = f"left out {exact[row]:+.2f}, gradient {self.gradients[row]:+.2f}"
            style = f"background-color:{colour};white-space:pre-wrap"
            spans.append(f'<span style="{style}" title="{title}">{escaped(shorten(self.tokens[row], 200))}</span>')
        yield f'<div dir="auto">{"".join(spans)}</div>'
        yield quiet("blue: without it the reply is less likely; orange: more likely")
        yield from not_shown(len(self.tokens) - _HTML_TOKENS, "token")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        rows = [
            {
                "label": f"{token_label(self.tokens[row], 16)} ({row})",
                "value": rounded(self._value(row)),
                "shown": f"{self._value(row):+.2f}",
                "gradient": rounded(self.gradients[row]),
            }
            for row in self._strongest(limits.bars)
        ]
        title = altair.Title(f"What “{clip(self.reply, 40)}” depends on", subtitle="in brackets the token's position")
        x = "log p lost without the token, nats"
        names = {"gradient:Q": "gradient × input"}
        return charts.bars(rows, x=x, y="token", title=title, colour=charts.signed(), extra=names)

    def _columns(self) -> Columns:
        return {
            "position": list(range(len(self.tokens))),
            "token": self.tokens,
            "left_out_nats": self.left_out,
            "gradient_x_input_nats": self.gradients,
            "arm": [self.arm] * len(self.tokens),
        }

    def _value(self, row: int) -> float:
        exact = float(self.left_out[row])
        return exact if np.isfinite(exact) else float(self.gradients[row])

    def _strongest(self, limit: int) -> list[int]:
        """Those left out with the largest effect, then those with the largest estimate."""
        exact, estimate = np.abs(self.left_out), np.abs(np.nan_to_num(self.gradients))
        known = np.isfinite(exact)
        order = np.lexsort((-estimate, -np.where(known, exact, 0), ~known))
        return [int(row) for row in order[:limit]]
