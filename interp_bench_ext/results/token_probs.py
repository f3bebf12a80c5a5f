"""Next-token distributions, and the probability of whole targets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import not_shown, quiet
from .kit.result import Columns, Floats, Ints, Pictured
from .kit.safe_text import clip, counted, more, one_line, probability, token_label
from .kit.selection import Limits

_PROMPTS, _TOKENS, _PROMPT_CHARACTERS = 12, 12, 240
_HTML_PROMPTS, _HTML_ROWS = 8, 16


class TokenProbs(Pictured):
    """Next-token distributions of P prompts, and whole targets of any number of tokens."""

    prompts: tuple[str, ...]
    entropies: Floats
    """[P] nats."""
    top_tokens: tuple[tuple[str, ...], ...]
    """[P][K]"""
    top_probs: Floats
    """[P, K]"""
    targets: tuple[str, ...]
    target_pieces: tuple[tuple[str, ...], ...]
    """Per target: its tokens."""
    target_logprobs: Floats
    """[P, targets] of the whole target: the sum over all its tokens, nats."""
    target_ranks: Ints
    """[P, targets] rank of the target's first token among all tokens, 1 is the most likely."""
    arm: str
    prefill: str = ""
    """How each reply begins before the token that is read."""

    def _headline(self) -> str:
        return f"next token after {counted(len(self.prompts), 'prompt')}, {clip(self.arm, 20)}"

    def _lines(self) -> list[str]:
        lines: list[str] = []
        for row, prompt in enumerate(self.prompts[:_PROMPTS]):
            shown = itertools.islice(self._likely(row), _TOKENS)
            top = "  ".join(f"{token_label(token)} {probability(p)}" for token, p in shown)
            lines += [
                f"prompt: {one_line(prompt, _PROMPT_CHARACTERS)}",
                *([f"  prefill: {one_line(self.prefill, _PROMPT_CHARACTERS)}"] if self.prefill else []),
                f"  entropy {self.entropies[row]:.2f} nats; top: {top}",
                *(self._target_line(row, column) for column in range(min(len(self.targets), _TOKENS))),
            ]
        return lines + more(len(self.prompts) - _PROMPTS, "prompt")

    def _target_line(self, row: int, column: int) -> str:
        logprob = float(self.target_logprobs[row, column])
        pieces = "|".join(token_label(piece) for piece in self.target_pieces[column][:_TOKENS])
        p, rank = probability(float(np.exp(logprob))), int(self.target_ranks[row, column])
        name = token_label(self.targets[column], 60)
        return f"  target {name} ({pieces}): p {p}, log p {logprob:.2f} nats, first token rank {rank:,}"

    def _html(self) -> Iterable[str]:
        for row, prompt in enumerate(self.prompts[:_HTML_PROMPTS]):
            yield elements.prompt("after", prompt)
            if self.prefill:
                yield elements.prompt("and", self.prefill)
            yield quiet(f"entropy {self.entropies[row]:.2f} nats")
            yield elements.table(
                elements.row([elements.token(token), elements.bar(float(p)), probability(float(p))], aligns="rlr")
                for token, p in itertools.islice(self._likely(row), _HTML_ROWS)
            )
            if self.targets:
                header = elements.row(["target", "p", "log p, nats", "first token's rank"], "th", "lrrr")
                yield elements.table(self._html_targets(row), header)
        yield from not_shown(len(self.prompts) - _HTML_PROMPTS, "prompt")

    def _html_targets(self, row: int) -> Iterable[str]:
        for column, pieces in enumerate(self.target_pieces[:_HTML_ROWS]):
            logprob = float(self.target_logprobs[row, column])
            tokens = " ".join(map(elements.token, pieces[:_HTML_ROWS]))
            name = tokens or elements.token(self.targets[column], 60)
            rank = f"{int(self.target_ranks[row, column]):,}"
            yield elements.row([name, probability(float(np.exp(logprob))), f"{logprob:.2f}", rank], aligns="lrrr")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        scale = altair.Scale(domain=["most likely", "target"], range=[charts.ACCENT, charts.OTHER])
        colour = altair.Color("kind:N", scale=scale, title=None) if self.targets else altair.value(charts.ACCENT)
        # The bar of a target is too short to be seen where its p is tiny.
        ink = altair.condition("datum.target > 0", altair.value(charts.OTHER), charts.INK_VALUE)
        panels = []
        for row, prompt in enumerate(self.prompts[: limits.prompts]):
            after = f" after “{clip(self.prefill, 40)}”" if self.prefill else ""
            subtitle = f"next token{after}, {clip(self.arm, 20)}, entropy {self.entropies[row]:.2f} nats"
            title = altair.Title(clip(prompt, 60), subtitle=subtitle)
            bars = self._bars(row, limits.bars)
            panels.append(charts.bars(bars, x="p", y="token", title=title, colour=colour, ink=ink))
        return charts.Panels(concat=panels, columns=1).resolve_scale(color="shared")

    def _bars(self, row: int, limit: int) -> list[dict[str, Any]]:
        bars = [_bar(token_label(token), float(p), "most likely") for token, p in self._likely(row)][:limit]
        for column, target in enumerate(self.targets[:limit]):
            bars.append(_bar(token_label(target, 30), float(np.exp(self.target_logprobs[row, column])), "target"))
        return bars

    def _columns(self) -> Columns:
        """Per prompt: the most likely tokens, then the targets."""
        rows: list[tuple[Any, ...]] = []
        for row, prompt in enumerate(self.prompts):
            entropy = self.entropies[row]
            for rank, (token, p) in enumerate(self._likely(row), start=1):
                logprob = np.log(p) if p > 0 else -np.inf
                rows.append((row, prompt, "top", token, 1, float(p), float(logprob), rank, float(entropy)))
            for column, target in enumerate(self.targets):
                logprob, rank = self.target_logprobs[row, column], int(self.target_ranks[row, column])
                pieces = len(self.target_pieces[column])
                p = float(np.exp(logprob))
                rows.append((row, prompt, "target", target, pieces, p, float(logprob), rank, float(entropy)))
        names = "prompt_index prompt kind text tokens p logprob_nats first_token_rank entropy_nats".split()
        columns: Columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        return columns | {"arm": [self.arm] * len(rows)}

    def _likely(self, row: int) -> Iterable[tuple[str, Any]]:
        """The most likely tokens after one prompt, each with its probability."""
        return zip(self.top_tokens[row], self.top_probs[row], strict=True)


def _bar(label: str, p: float, kind: str) -> dict[str, Any]:
    # Of a small p the digits that say anything come late.
    value = float(f"{p:.4g}") if np.isfinite(p) else None
    return {"label": label, "value": value, "shown": probability(p), "kind": kind, "target": int(kind == "target")}
