"""The logit lens: what each layer would say next, at every token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

import numpy as np

from .kit import elements, grid
from .kit.over_tokens import AtPositions
from .kit.result import Columns, Floats, Ints
from .kit.safe_text import clean, clip, counted, more, probability, rounded, token_label
from .kit.selection import Limits, evenly, last, part

_VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
_FIRST_LIGHT = 4
_TOOLTIP_TOKENS = 3


class LensGrid(AtPositions):
    """The logit lens: every residual stream through final norm and unembedding (nostalgebraist 2020)."""

    _over = "layers"
    layers: tuple[int, ...]
    """[L] 0 is the embedding, n_layers the last block's output."""
    top_tokens: tuple[tuple[tuple[str, ...], ...], ...]
    """[L][T][K]"""
    top_probs: Floats
    """[L, T, K]"""
    kl_to_final: Floats
    """[L, T] KL(final || layer), nats."""
    target: str
    """First token of the target, or empty."""
    target_probs: Floats
    """[L, T], or [0, 0] without a target."""
    target_ranks: Ints
    """[L, T], 1 is the most likely; [0, 0] without a target."""
    lens: str = "logit lens"
    """How the streams were taken to the last layer's basis."""
    control_kl: Floats = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    """[L, T] the plain logit lens's KL(final || layer) at the same places, nats; [0, 0] where this is it."""
    note: str = ""
    """What else there is to know, in one sentence."""

    def _headline(self) -> str:
        return f"{clip(self.lens, 30)}, {self._size()}"

    def _lines(self) -> list[str]:
        columns, rows = last(len(self.tokens), grid.TEXT_TOKENS), evenly(range(len(self.layers)), grid.TEXT_ROWS)
        lines = [f"each layer's top token and its p (last {counted(len(columns), 'token')}):"]
        lines.append(grid.text_line("layer", 5, grid.text_heads(self.tokens, columns)))
        for row in rows:
            cells = (self._text_cell(row, column) for column in columns)
            lines.append(grid.text_line(str(self.layers[row]), 5, cells))
        kl = "  ".join(f"L{self.layers[row]} {self.kl_to_final[row, -1]:.2f}" for row in rows)
        lines.append(f"KL to final at the last token, nats: {kl}")
        if self.control_kl.size:
            plain = "  ".join(f"L{self.layers[row]} {self.control_kl[row, -1]:.2f}" for row in rows)
            lines.append(f"the same by the plain logit lens:    {plain}")
        lines += [clean(self.note)] if self.note else []
        if self._has_target():
            by_layer = (f"L{self.layers[row]} {probability(float(self.target_probs[row, -1]))}" for row in rows)
            name = f"p of target {token_label(self.target)} at the last token"
            lines.append(f"{name}: {'  '.join(by_layer)}; {self._target_first_ranked(-1)}")
        return lines + more(len(self.layers) * len(self.tokens) - len(rows) * len(columns), "cell")

    def _text_cell(self, row: int, column: int) -> str:
        label = token_label(self.top_tokens[row][column][0], grid.TEXT_CELL - 6)
        return f"{label} {float(self.top_probs[row, column, 0]):.2f}".replace(" 0.", " .")

    def _html(self) -> Iterable[str]:
        columns, rows = last(len(self.tokens), grid.HTML_TOKENS), evenly(range(len(self.layers)), grid.HTML_ROWS)
        body = (
            (str(self.layers[layer]), [self._html_cell(layer, column) for column in columns])
            for layer in reversed(rows)
        )
        yield grid.html_grid("layer", [self.tokens[column] for column in columns], body)
        steps = "".join(f'<span style="background-color:{shade}">&nbsp;&nbsp;&nbsp;</span>' for shade in _VIRIDIS)
        yield f'<div style="font-size:12px">most likely token of each layer; its p: 0 {steps} 1</div>'
        if self._has_target():
            at_end = f"p {probability(float(self.target_probs[-1, -1]))} at the last layer and token"
            since = self._target_first_ranked(-1)
            yield elements.quiet(f"outlined: target {elements.token(self.target)}, {at_end}, {since}")
        if self.note:
            yield elements.quiet(elements.escaped(self.note))
        yield from elements.not_shown(len(self.tokens) - len(columns), "token")

    def _html_cell(self, layer: int, column: int) -> str:
        name, p = self.top_tokens[layer][column][0], float(self.top_probs[layer, column, 0])
        shade = min(len(_VIRIDIS) - 1, int(p * len(_VIRIDIS))) if np.isfinite(p) else 0
        style = f"background-color:{_VIRIDIS[shade]};color:{'#000' if shade >= _FIRST_LIGHT else '#fff'}"
        if self.target and name == self.target:
            style += ";box-shadow:inset 0 0 0 2px #ff7f0e"
        best, kl = self._best(layer, column), self.kl_to_final[layer, column]
        title = f"layer {self.layers[layer]}: {best}; KL to final {kl:.2f} nats"
        if self._has_target():
            title += f"; target {probability(float(self.target_probs[layer, column]))}"
        return grid.html_cell(token_label(name, 1 + grid.cell_characters(self.target)), style, title)

    def _chart(self, limits: Limits) -> Any:
        """The last tokens of a lens, final layer on top."""
        import altair

        from .kit.charts import Grid, heat_map, token_labels

        room = grid.cell_characters(self.target)
        columns = last(len(self.tokens), limits.tokens * grid.CELL_CHARACTERS // room)
        rows = evenly(range(len(self.layers)), limits.rows)[::-1]
        shown = f"{part(len(rows), len(self.layers), 'layers')}, {part(len(columns), len(self.tokens), 'tokens')}"
        lines = [f"each layer's most likely token and its p; {shown}"]
        if self._has_target():
            lines.append(f"outlined: target {token_label(self.target)}, {self._target_first_ranked(-1)}")
        look = Grid(
            title=altair.Title(f"{clip(self.lens, 30).capitalize()}, {clip(self.arm, 20)}", subtitle=lines),
            columns=token_labels([self.tokens[column] for column in columns], room),
            rows=[str(self.layers[row]) for row in rows],
            x="token that was read",
            y="layer",
            colour=altair.Color("p:Q", scale=altair.Scale(scheme="viridis", domain=[0, 1]), title="p"),
            ink=altair.condition("datum.p < 0.5", altair.value("white"), altair.value("black")),
            tooltip=self._tooltip(),
            width=grid.CELL_WIDTH * room // grid.CELL_CHARACTERS,
            height=grid.CELL_HEIGHT,
            outlined="datum.hit",
        )
        cells = [
            {"column": x, "row": y, **self._chart_cell(row, column)}
            for y, row in enumerate(rows)
            for x, column in enumerate(columns)
        ]
        return heat_map(cells, look)

    def _tooltip(self) -> dict[str, str]:
        names = {"read:N": "token that was read", "layer:N": "layer", "best:N": "most likely, p"}
        names["kl:Q"] = "KL to final, nats"
        if self._has_target():
            target = token_label(self.target)
            names |= {"tp:N": f"p of {target}", "tr:Q": f"rank of {target}"}
        return names

    def _chart_cell(self, row: int, column: int) -> dict[str, Any]:
        name = self.top_tokens[row][column][0]
        cell: dict[str, Any] = {
            "layer": str(self.layers[row]),
            "read": self._place(column),
            "best": self._best(row, column),
            "label": token_label(name, grid.cell_characters(self.target)),
            "p": rounded(self.top_probs[row, column, 0]),
            "kl": rounded(self.kl_to_final[row, column]),
        }
        if self._has_target():
            cell["tp"] = probability(float(self.target_probs[row, column]))
            cell["tr"] = int(self.target_ranks[row, column])
            if name == self.target:
                cell["hit"] = True
        return cell

    def _columns(self) -> Columns:
        """One row per layer, token and place among the top tokens (1 is the most likely)."""
        n_layers, n_tokens, k = self.top_probs.shape
        each = np.repeat
        columns: Columns = {
            "layer": each(np.array(self.layers, dtype=np.int64), n_tokens * k),
            "position": each(np.tile(np.array(self.positions, dtype=np.int64), n_layers), k),
            "token": [token for _ in range(n_layers) for token in self.tokens for _ in range(k)],
            "place": np.tile(np.arange(1, k + 1), n_layers * n_tokens),
            "top_token": [name for layer in self.top_tokens for names in layer for name in names],
            "p": self.top_probs.reshape(-1),
            "kl_to_final_nats": each(self.kl_to_final.reshape(-1), k),
        }
        if self.control_kl.size:
            columns["logit_lens_kl_nats"] = each(self.control_kl.reshape(-1), k)
        if self._has_target():
            columns |= {
                "target": self.target,
                "target_p": each(self.target_probs.reshape(-1), k),
                "target_rank": each(self.target_ranks.reshape(-1), k),
            }
        return columns

    def _best(self, row: int, column: int) -> str:
        """The most likely tokens of one layer at one token, each with its probability."""
        pairs = zip(self.top_tokens[row][column][:_TOOLTIP_TOKENS], self.top_probs[row, column], strict=False)
        return ", ".join(f"{token_label(name)} {probability(float(p))}" for name, p in pairs)

    def _has_target(self) -> bool:
        return bool(self.target) and bool(self.target_probs.size)

    def _target_first_ranked(self, column: int) -> str:
        """From which layer on the target stays the most likely token at this position."""
        ranks = self.target_ranks[:, column]
        behind = np.flatnonzero(ranks != 1)
        if behind.size and behind[-1] == len(ranks) - 1:
            return f"best rank {ranks.min():,} at layer {self.layers[int(ranks.argmin())]}"
        return f"rank 1 from layer {self.layers[int(behind[-1]) + 1 if behind.size else 0]} on"
