"""The effect of an intervention at every site and token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements, grid
from .kit.elements import ACCENT, OTHER, escaped
from .kit.over_tokens import AtPositions
from .kit.result import Columns, Floats
from .kit.safe_text import clip, counted, more, rounded, token_label
from .kit.selection import Limits, last, part

_LARGEST = 8


class EffectGrid(AtPositions):
    """What an intervention at each of S sites and T tokens does to a metric, as in activation patching."""

    _over = "sites"
    sites: tuple[str, ...]
    """[S] where it was done, from the embedding upwards, for example ``L3 mlp``."""
    effects: Floats
    """[S, T] change of the metric."""
    metric: str
    """What is measured, with its unit."""

    def _headline(self) -> str:
        return f"effect on {clip(self.metric, 60)}, {self._size()}"

    def _lines(self) -> list[str]:
        columns, rows = last(len(self.tokens), grid.TEXT_TOKENS), self._strongest_sites(grid.TEXT_ROWS)
        largest = (
            f"{clip(self.sites[site], 20)} at {token_label(self.tokens[token])} {self.effects[site, token]:+.3f}"
            for site, token in self._largest()
        )
        lines = [f"largest: {'  '.join(largest)}", f"by site (last {counted(len(columns), 'token')}):"]
        lines.append(grid.text_line("site", 14, grid.text_heads(self.tokens, columns)))
        for row in rows:
            effects = (f"{self.effects[row, column]:+.3f}" for column in columns)
            lines.append(grid.text_line(clip(self.sites[row], 14), 14, effects))
        return lines + more(self.effects.size - len(rows) * len(columns), "cell")

    def _html(self) -> Iterable[str]:
        columns, rows = last(len(self.tokens), grid.HTML_TOKENS), self._strongest_sites(grid.HTML_ROWS)
        most = elements.largest(self.effects)
        body = (
            (clip(self.sites[site], 20), [_html_cell(float(self.effects[site, column]), most) for column in columns])
            for site in reversed(rows)
        )
        yield grid.html_grid("site", [self.tokens[column] for column in columns], body)
        yield elements.quiet(f"change of {escaped(clip(self.metric, 60))}; blue raises it, orange lowers it")
        yield from elements.not_shown(self.effects.size - len(rows) * len(columns), "cell")

    def _chart(self, limits: Limits) -> Any:
        """The sites with the largest effects, the highest on top; colour and number say size and sign."""
        import altair

        from .kit.charts import INK, SIGNED, Grid, heat_map, token_labels

        columns, rows = last(len(self.tokens), limits.tokens), self._strongest_sites(limits.rows)[::-1]
        most = elements.largest(self.effects)
        shown = f"{part(len(rows), len(self.sites), 'sites')}, {part(len(columns), len(self.tokens), 'tokens')}"
        scale = altair.Scale(range=SIGNED, domain=[-most, 0, most])
        look = Grid(
            title=altair.Title(f"Effect on {clip(self.metric, 60)}", subtitle=f"{clip(self.arm, 20)}; {shown}"),
            columns=token_labels([self.tokens[column] for column in columns], grid.CELL_CHARACTERS),
            rows=[clip(self.sites[row], 16) for row in rows],
            x="token",
            y="site",
            colour=altair.Color("effect:Q", scale=scale, title="effect"),
            ink=altair.condition(f"abs(datum.effect) > {0.8 * most}", altair.value("white"), altair.value(INK)),
            tooltip={"site:N": "site", "token:N": "token", "effect:Q": "effect"},
            width=grid.CELL_WIDTH,
            height=grid.CELL_HEIGHT,
        )
        cells = [
            {"column": x, "row": y, **self._chart_cell(row, column)}
            for y, row in enumerate(rows)
            for x, column in enumerate(columns)
        ]
        return heat_map(cells, look)

    def _chart_cell(self, row: int, column: int) -> dict[str, Any]:
        effect = float(self.effects[row, column])
        label = "0" if abs(effect) < 0.005 else f"{effect:+.2f}"
        return {
            "site": clip(self.sites[row], 40),
            "token": self._place(column),
            "effect": rounded(effect),
            "label": label if np.isfinite(effect) else "nan",
        }

    def _columns(self) -> Columns:
        """One row per site and token."""
        n_sites, n_tokens = self.effects.shape
        return {
            "site": np.repeat(np.array(self.sites, dtype=object), n_tokens),
            "position": np.tile(np.array(self.positions, dtype=np.int64), n_sites),
            "token": list(self.tokens) * n_sites,
            "effect": self.effects.reshape(-1),
            "metric": self.metric,
            "arm": self.arm,
        }

    def _strongest_sites(self, limit: int) -> list[int]:
        """The sites with the largest effects, from the embedding upwards."""
        if len(self.sites) <= limit:
            return list(range(len(self.sites)))
        strongest = np.nan_to_num(np.abs(self.effects)).max(axis=1, initial=0)
        return sorted(np.argsort(-strongest, kind="stable")[:limit].tolist())

    def _largest(self) -> list[tuple[int, int]]:
        """Site and token of the largest effects of either sign, the largest first."""
        order = np.argsort(-np.nan_to_num(np.abs(self.effects)), axis=None, kind="stable")[:_LARGEST]
        sites, tokens = np.unravel_index(order, self.effects.shape)
        return list(zip(sites.tolist(), tokens.tolist(), strict=True))


def _html_cell(effect: float, most: float) -> str:
    share = min(1.0, abs(effect) / most) if np.isfinite(effect) else 0.0
    colour = (ACCENT if effect >= 0 else OTHER).format(f"{0.65 * share:.2f}")
    return grid.html_cell(f"{effect:+.3f}", f"background-color:{colour}")
