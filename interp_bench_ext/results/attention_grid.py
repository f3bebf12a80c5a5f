"""Attention patterns: which tokens each token reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.over_tokens import OverTokens
from .kit.result import Columns, Floats
from .kit.safe_text import clip, counted, more, rounded, token_label
from .kit.selection import Limits, last, part

_HEADS, _QUERIES, _KEYS = 4, 8, 3
_HTML_HEADS, _HTML_QUERIES = 8, 12
_SQUARE, _SQUARE_CHARACTERS = 22, 12


class AttentionGrid(OverTokens):
    """Attention patterns of H heads over T tokens."""

    _over = "heads"
    heads: tuple[str, ...]
    """[H] for example ``L3 H5``."""
    weights: Floats
    """[H, T, T] from the query (row) to the key (column); a row adds up to 1 at most."""

    def _headline(self) -> str:
        return f"attention, {self._size()}"

    def _lines(self) -> list[str]:
        queries = last(len(self.tokens), _QUERIES)
        lines = []
        for head in range(min(len(self.heads), _HEADS)):
            name = clip(self.heads[head], 20)
            lines.append(f"{name}, strongest keys of the last {counted(len(queries), 'token')}:")
            for query in queries:
                pairs = (f"{token_label(key)} {weight:.2f}" for key, weight in self._strongest_keys(head, query))
                lines.append(f"  {token_label(self.tokens[query])} -> {'  '.join(pairs)}")
        return lines + more(len(self.heads) - _HEADS, "head")

    def _html(self) -> Iterable[str]:
        queries = last(len(self.tokens), _HTML_QUERIES)
        for head in range(min(len(self.heads), _HTML_HEADS)):
            header = elements.row([elements.escaped(clip(self.heads[head], 30)), "attends most to"], "th")
            yield elements.table((self._html_query(head, query) for query in queries), header)
        yield from elements.not_shown(len(self.heads) - _HTML_HEADS, "head")

    def _html_query(self, head: int, query: int) -> str:
        shown = (f"{elements.token(key)} {weight:.2f}" for key, weight in self._strongest_keys(head, query))
        return elements.row([elements.token(self.tokens[query]), " &nbsp; ".join(shown)])

    def _chart(self, limits: Limits) -> Any:
        """One square per head: queries from the top, keys from the left."""
        import altair

        from .kit.charts import Panels

        heads = range(min(len(self.heads), limits.heads))
        shown = last(len(self.tokens), limits.tokens)
        parts = f"{part(len(heads), len(self.heads), 'heads')}, {part(len(shown), len(self.tokens), 'tokens')}"
        title = altair.Title(f"Attention, {clip(self.arm, 20)}", subtitle=parts)
        squares = [self._square(head, shown) for head in heads]
        return Panels(concat=squares, columns=2, title=title).resolve_scale(color="shared")

    def _square(self, head: int, shown: list[int]) -> Any:
        import altair

        from .kit.charts import Grid, heat_map, token_labels

        labels = token_labels([self.tokens[index] for index in shown], _SQUARE_CHARACTERS)
        look = Grid(
            title=clip(self.heads[head], 30),
            columns=labels,
            rows=labels,
            x="key",
            y="query",
            colour=altair.Color("weight:Q", scale=altair.Scale(scheme="viridis", domain=[0, 1]), title="weight"),
            ink=altair.value("white"),
            tooltip={"from:N": "query", "to:N": "key", "weight:Q": "weight"},
            width=_SQUARE,
            height=_SQUARE,
        )
        cells = [
            {
                "column": x,
                "row": y,
                "from": f"{labels[y]} ({query})",
                "to": f"{labels[x]} ({key})",
                "weight": rounded(self.weights[head, query, key]),
            }
            for y, query in enumerate(shown)
            for x, key in enumerate(shown)
            if key <= query
        ]
        return heat_map(cells, look)

    def _columns(self) -> Columns:
        """One row per head, query and key."""
        n_heads, n = len(self.heads), len(self.tokens)
        indices = np.arange(n)
        return {
            "head": np.repeat(np.array(self.heads, dtype=object), n * n),
            "query_index": np.tile(np.repeat(indices, n), n_heads),
            "query": [token for token in self.tokens for _ in range(n)] * n_heads,
            "key_index": np.tile(indices, n * n_heads),
            "key": list(self.tokens) * (n * n_heads),
            "weight": self.weights.reshape(-1),
            "arm": self.arm,
        }

    def _strongest_keys(self, head: int, query: int) -> list[tuple[str, float]]:
        """The tokens that a query attends to most, the most attended first, each with its weight."""
        weights = np.nan_to_num(self.weights[head, query])
        keys = [int(key) for key in np.argsort(-weights, kind="stable")[:_KEYS] if weights[key] > 0]
        return [(self.tokens[key], float(self.weights[head, query, key])) for key in keys]
