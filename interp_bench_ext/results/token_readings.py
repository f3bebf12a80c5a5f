"""Vectors inside the model, each read as the tokens that it points to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import ACCENT, OTHER, escaped, not_shown, said
from .kit.result import Columns, Floats, Pictured
from .kit.safe_text import clip, counted, more, one_line, rounded, token_label
from .kit.selection import Limits

_ROWS, _TOKENS, _TEXTS = 24, 12, 8


class TokenReadings(Pictured):
    """N vectors and the K tokens that each points to most."""

    labels: tuple[str, ...]
    """[N] what the vector is."""
    arms: tuple[str, ...]
    """[N] whose it is: that in question, or the control's."""
    tokens: tuple[tuple[str, ...], ...]
    """[N][K] the strongest first."""
    scores: Floats
    """[N, K]"""
    score: str
    """What the scores are, for example ``cosine``."""
    norms: Floats
    """[N] lengths of the vectors."""
    arm: str
    control: str
    """As in ``arms``; empty where there is none."""
    texts: tuple[str, ...] = ()
    """Texts written while the vector in question was added; empty where none were asked for."""

    def _headline(self) -> str:
        control = f", control: {clip(self.control, 40)}" if self.control else ""
        return f"tokens of {counted(len(self.labels), 'vector')} by {clip(self.score, 30)}{control}"

    def _lines(self) -> list[str]:
        lines = []
        for row in range(min(len(self.labels), _ROWS)):
            shown = "  ".join(
                f"{token_label(token)} {score:.3f}"
                for token, score in zip(self.tokens[row][:_TOKENS], self.scores[row], strict=False)
            )
            lines.append(f"{clip(self.arms[row], 24)}, {clip(self.labels[row], 40)} (norm {self.norms[row]:.2f}):")
            lines.append(f"  {shown}")
        lines += more(len(self.labels) - _ROWS, "vector")
        return lines + [f"steered: {one_line(text, 300)}" for text in self.texts[:_TEXTS]]

    def _html(self) -> Iterable[str]:
        header = elements.row(["", "", "norm", escaped(clip(self.score, 30))], "th", "llrl")
        yield elements.table((self._html_row(row) for row in range(min(len(self.labels), _ROWS))), header)
        yield from not_shown(len(self.labels) - _ROWS, "vector")
        for text in self.texts[:_TEXTS]:
            yield said(text, about="steered")

    def _html_row(self, row: int) -> str:
        colour = (ACCENT if self.arms[row] == self.arm else OTHER).format("0.2")
        tokens = " ".join(
            f'<span style="background-color:{colour}" title="{score:.3f}">{elements.token(token)}</span>'
            for token, score in zip(self.tokens[row][:_TOKENS], self.scores[row], strict=False)
        )
        names = [escaped(clip(self.arms[row], 24)), escaped(clip(self.labels[row], 40))]
        return elements.row([*names, f"{self.norms[row]:.2f}", tokens], aligns="llrl")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit.charts import INK, SIGNED, Grid, heat_map, token_labels

        rows = self._shown(limits.rows)
        columns = range(min(limits.tokens, 8, self.scores.shape[1]))
        most = elements.largest(self.scores[rows])
        cells = [
            {
                "column": x,
                "row": y,
                "label": token_labels([self.tokens[row][column]], 10)[0],
                "value": rounded(self.scores[row, column]),
                "arm": clip(self.arms[row], 24),
            }
            for y, row in enumerate(rows)
            for x, column in enumerate(columns)
        ]
        scale = altair.Scale(range=SIGNED[1:], domain=[0, rounded(most)])
        look = Grid(
            title=altair.Title(f"Tokens by {clip(self.score, 30)}", subtitle=self._headline()),
            columns=[str(column + 1) for column in columns],
            rows=[clip(f"{self.arms[row]}: {self.labels[row]}", 34) for row in rows],
            x="rank",
            y="",
            colour=altair.Color("value:Q", scale=scale, title=clip(self.score, 20)),
            ink=altair.condition(f"abs(datum.value) > {0.8 * most}", altair.value("white"), altair.value(INK)),
            tooltip={"arm:N": "of", "label:N": "token", "value:Q": clip(self.score, 30)},
            width=74,
            height=18,
        )
        return heat_map(cells, look)

    def _columns(self) -> Columns:
        """One row per vector and token."""
        n, k = self.scores.shape if self.scores.ndim == 2 else (0, 0)
        return {
            "arm": np.repeat(np.array(self.arms, dtype=object), k),
            "label": np.repeat(np.array(self.labels, dtype=object), k),
            "norm": np.repeat(self.norms, k),
            "rank": np.tile(np.arange(1, k + 1), n),
            "token": [token for row in self.tokens for token in row],
            "score": self.scores.reshape(-1),
        }

    def _shown(self, limit: int) -> list[int]:
        """Rows of either side, as many of each."""
        mine = [row for row, arm in enumerate(self.arms) if arm == self.arm]
        others = [row for row, arm in enumerate(self.arms) if arm != self.arm]
        half = limit // 2 if others else limit
        return [*mine[:half], *others[:half]]
