"""What an oracle answers about activations, beside what it answers about random ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import not_shown, said
from .kit.result import Columns, Floats, Ints
from .kit.safe_text import clip, counted, more, one_line, rounded, token_label
from .kit.selection import Limits, text_limit
from .kit.written import Written, first_of_each

_TEXTS, _HTML_TEXTS, _TOKENS, _DRAWN = 18, 36, 24, 400


class OracleAnswers(Written):
    """N answers about a text's activations; an arm is what the oracle was given: the organism's, the base's, or random.

    ``prompts`` are the questions.
    """

    _texts_first = True
    gains: Floats
    """[N] nats a token that the answer is likelier with the activations that it is of than with other random ones."""
    n_tokens: Ints
    """[N] tokens of each answer."""
    tokens: tuple[str, ...]
    """Whose activations were read."""
    layer: int
    """The block after which they were read."""
    control: str
    """The random activations, as in ``arms``."""

    def _headline(self) -> str:
        answers, tokens = counted(len(self.texts), "answer"), counted(len(self.tokens), "token")
        worth = ", ".join(f"{clip(kind, 20)} {self._gain(kind):+.2f}" for kind in self._kinds())
        told = f"; what they are worth to it, nats a token: {worth}" if worth else ""
        return f"{answers} about {tokens} after block {self.layer}{told}"

    def _kinds(self) -> list[str]:
        """What was asked about, its control, and the rest, of those that there are."""
        return [kind for kind in dict.fromkeys([self.arm, self.control, *self.arms]) if kind in self.arms]

    def _gain(self, kind: str) -> float:
        """The median of its answers'."""
        return float(np.median(self.gains[[arm == kind for arm in self.arms]]))

    def _empty(self) -> bool:
        return not self.texts

    def _lines(self) -> list[str]:
        read = "  ".join(token_label(token) for token in self.tokens[:_TOKENS])
        lines = [f"activations of: {read}", *more(len(self.tokens) - _TOKENS, "token")]
        shown = self._examples(_TEXTS)
        for row in shown:
            told = f"[{clip(self.arms[row], 20)} {self.gains[row]:+.2f}] {one_line(self.prompts[row], 60)}"
            lines.append(f"  {told} -> {one_line(self.texts[row], text_limit(_TEXTS) // 2)}")
        return lines + more(len(self.texts) - len(shown), "answer")

    def _html(self) -> Iterable[str]:
        yield f"<div>{' '.join(map(elements.token, self.tokens[:_TOKENS]))}</div>"
        yield from not_shown(len(self.tokens) - _TOKENS, "token")
        shown = self._examples(_HTML_TEXTS)
        for row in shown:
            worth = f"{clip(self.arms[row], 30)} · {self.gains[row]:+.2f} nats a token"
            yield said(self.texts[row], self._colour(row), about=f"{worth} · {one_line(self.prompts[row], 200)}")
        yield from not_shown(len(self.texts) - len(shown), "answer")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        kinds = {kind: clip(kind, 20) for kind in self._kinds()}
        rows = [
            {
                "kind": kinds[self.arms[row]],
                "value": rounded(float(self.gains[row])),
                "label": clip(self.texts[row], 60),
                "after": clip(self.prompts[row], 60),
            }
            for row in range(min(len(self.texts), _DRAWN))
        ]
        title = altair.Title("What the activations are worth to an answer", subtitle=f"read after block {self.layer}")
        x, names = "nats a token, against other random activations", {"label:N": "answer", "after:N": "question"}
        return charts.strips(rows, x=x, title=title, kinds=list(kinds.values()), extra=names)

    def _columns(self) -> Columns:
        return {**super()._columns(), "gain_nats_per_token": self.gains, "tokens": self.n_tokens}

    def _examples(self, limit: int) -> list[int]:
        rows = range(len(self.texts))
        return first_of_each([[row for row in rows if self.arms[row] == kind] for kind in self._kinds()], limit)
