"""Organism against base, token by token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import EDGE, OTHER, escaped, not_shown, passage, quiet
from .kit.result import Columns, Floats, Ints, Pictured
from .kit.safe_text import clean, clip, counted, more, one_line, rounded, shorten, token_label
from .kit.selection import Limits, text_limit

_PROMPTS, _TOKENS, _SHIFTS, _PROMPT_CHARACTERS = 12, 12, 20, 240
_HTML_PROMPTS, _HTML_SHIFTS, _HTML_TOKENS = 8, 16, 400
_KL_FULL = 3.0


class TokenDiff(Pictured):
    """Organism against base on the same tokens: N reply tokens of P prompts."""

    prompts: tuple[str, ...]
    organism_replies: tuple[str, ...]
    base_replies: tuple[str, ...]
    rows: Ints
    """[N] which prompt a token belongs to."""
    tokens: tuple[str, ...]
    """[N] the organism's reply tokens, on which both are compared."""
    kl: Floats
    """[N] KL(organism || base) of the distribution that the token was drawn from, nats."""
    shifted_tokens: tuple[str, ...]
    """[K] tokens whose mean log-probability over all positions rose most, weighted by the organism's own."""
    shifts: Floats
    """[K] mean over positions of p_organism * (log p_organism - log p_base), nats."""

    _texts_first = True

    def _headline(self) -> str:
        where = f"{counted(len(self.tokens), 'reply token')} of {counted(len(self.prompts), 'prompt')}"
        if not self.tokens:
            return f"organism against base, {where}"
        kl = f"KL mean {self.kl.mean():.3f}, highest {self.kl.max():.2f} nats"
        return f"organism against base, {where}, {kl}"

    def _lines(self) -> list[str]:
        shifts = "  ".join(f"{token_label(token)} {shift:+.4f}" for token, shift in self._gained(_SHIFTS))
        lines = [f"tokens that gained most (mean p*change of log p, nats): {shifts}"] if shifts else []
        shown = range(min(len(self.prompts), _PROMPTS))
        limit = text_limit(2 * len(shown)) // 2
        for prompt in shown:
            mine = np.flatnonzero(self.rows == prompt)
            highest = mine[np.argsort(-self.kl[mine], kind="stable")][:_TOKENS]
            apart = "  ".join(f"{token_label(self.tokens[i])} {self.kl[i]:.2f}" for i in highest)
            lines += [
                f"prompt: {one_line(self.prompts[prompt], _PROMPT_CHARACTERS)}",
                f"  organism: {one_line(self.organism_replies[prompt], limit)}",
                f"  base: {one_line(self.base_replies[prompt], limit)}",
                f"  highest KL: {apart}",
            ]
        return lines + more(len(self.prompts) - len(shown), "prompt")

    def _html(self) -> Iterable[str]:
        for prompt in range(min(len(self.prompts), _HTML_PROMPTS)):
            yield elements.prompt("prompt", self.prompts[prompt])
            yield f'<div dir="auto" style="{EDGE}">{self._coloured(prompt)}</div>'
            base = passage(shorten(clean(self.base_replies[prompt]), 800), "opacity:0.75")
            yield f'<div dir="auto" style="{EDGE};margin-top:4px">{quiet("base")}{base}</div>'
        yield quiet(f"orange: KL of a token, full at {_KL_FULL:g} nats or more; the number is under the pointer")
        yield from not_shown(len(self.prompts) - _HTML_PROMPTS, "prompt")
        if gained := self._gained(_HTML_SHIFTS):
            most = max(float(np.abs(self.shifts).max()), 1e-9)
            yield quiet("tokens that gained most: mean p × change of log p, nats")
            yield elements.table(
                elements.row([elements.token(token), elements.bar(shift / most, OTHER), f"{shift:+.4f}"], aligns="rlr")
                for token, shift in gained
            )

    def _coloured(self, prompt: int) -> str:
        mine = np.flatnonzero(self.rows == prompt)
        spans = [quiet("organism")]
        for index in mine[:_HTML_TOKENS]:
            kl, token = float(self.kl[index]), self.tokens[index]
            shade = f"{0.65 * min(1.0, max(0.0, kl / _KL_FULL)):.2f}"
            style = f"background-color:{OTHER.format(shade)};white-space:pre-wrap"
            spans.append(f'<span style="{style}" title="KL {kl:.2f} nats">{escaped(shorten(token, 200))}</span>')
        return "".join(spans) + "".join(not_shown(len(mine) - _HTML_TOKENS, "token"))

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        gained = [_bar(token_label(token), shift, 3) for token, shift in self._gained(limits.bars)]
        highest = np.argsort(-np.nan_to_num(self.kl), kind="stable")[: limits.bars]
        apart = [_bar(self._in_context(int(i)), float(self.kl[i]), 2) for i in highest]
        up = altair.Title("Tokens that gained most against the base")
        before = "in brackets, after what stood before"
        kl = altair.Title("Tokens on which organism and base differ most", subtitle=before)
        orange, blue = altair.value(charts.OTHER), altair.value(charts.ACCENT)
        return charts.Panels(
            concat=[
                charts.bars(gained, x="mean p × change of log p, nats", y="token", title=up, colour=orange),
                charts.bars(apart, x="KL(organism || base), nats", y="token", title=kl, colour=blue),
            ],
            columns=1,
        )

    def _in_context(self, index: int) -> str:
        near = range(max(0, index - 3), index)
        before = "".join(self.tokens[i] for i in near if self.rows[i] == self.rows[index])
        return f"{clip(before[-24:], 24)} [{token_label(self.tokens[index], 16)}]".strip()

    def _columns(self) -> Columns:
        """One row per reply token; the shifted tokens are ``shifted_tokens`` and ``shifts`` of the result."""
        return {
            "prompt_index": self.rows,
            "prompt": [self.prompts[int(row)] for row in self.rows],
            "token": self.tokens,
            "kl_nats": self.kl,
        }

    def _gained(self, limit: int) -> list[tuple[str, float]]:
        """The tokens that gained most, each with its shift."""
        return [(token, float(shift)) for token, shift in zip(self.shifted_tokens, self.shifts, strict=True)][:limit]


def _bar(label: str, value: float, digits: int) -> dict[str, Any]:
    return {"label": label, "value": rounded(value), "shown": f"{value:.{digits}f}"}
