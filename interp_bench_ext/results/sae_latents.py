"""Latents of a sparse autoencoder that stand out in texts, beside those of a control."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import BadInput
from .kit import elements
from .kit.elements import ACCENT, OTHER, not_shown, quiet
from .kit.result import Columns, Floats, Ints, Pictured
from .kit.safe_text import clip, counted, more, rounded, token_label
from .kit.selection import Limits

_ROWS = 24


class SaeLatents(Pictured):
    """N latents by how much more they are on than in the control, W being the width of what is read."""

    latents: Ints
    """[N] numbers of the latents."""
    means: Floats
    """[N] over all positions."""
    control_means: Floats
    shares: Floats
    """[N] of the positions at which the latent is on."""
    control_shares: Floats
    top_tokens: tuple[tuple[str, ...], ...]
    """[N][…] where it is on most."""
    directions: Floats
    """[N, W] what a latent adds to what is read."""
    left_out: float
    """Share of the variance that the autoencoder does not rebuild."""
    control_left_out: float
    active: float
    """Latents that are on at a position, in the mean."""
    control_active: float
    n_positions: int
    site: str
    arm: str
    control: str

    def direction(self, latent: int) -> list[float]:
        """``[W]`` what the latent writes, for steering and ablation. Raises BadInput where it is none of these."""
        rows = np.flatnonzero(self.latents == latent)
        if not len(rows):
            shown = ", ".join(map(str, self.latents.tolist()))
            raise BadInput(f"Latent {latent} is none of those that were found: {shown or 'none'}.")
        found: list[float] = self.directions[rows[0]].tolist()
        return found

    def _headline(self) -> str:
        where = f"{clip(self.site, 40)}, {counted(self.n_positions, 'position')}"
        return f"{counted(len(self.latents), 'latent')} of {where}, control: {clip(self.control, 40)}"

    def _lines(self) -> list[str]:
        lines = [self._rebuilt()]
        if not len(self.latents):
            return [*lines, "no latent is on"]
        lines.append(f"{'latent':>8} {'mean':>9} {'control':>9} {'on at':>7} {'control':>8}  strongest at")
        for row in range(min(len(self.latents), _ROWS)):
            shares = f"{self.shares[row]:>7.0%} {self.control_shares[row]:>8.0%}"
            means = f"{self.means[row]:>9.3f} {self.control_means[row]:>9.3f}"
            tokens = "  ".join(token_label(token, 16) for token in self.top_tokens[row])
            lines.append(f"{self.latents[row]:>8} {means} {shares}  {tokens}")
        return lines + more(len(self.latents) - _ROWS, "latent")

    def _html(self) -> Iterable[str]:
        yield quiet(self._rebuilt())
        most = float(max(self.means.max(initial=0), self.control_means.max(initial=0))) or 1.0
        header = elements.row(["latent", "mean", "", "control", "", "on at", "strongest at"], "th", "rrlrlrl")
        yield elements.table((self._html_row(row, most) for row in range(min(len(self.latents), _ROWS))), header)
        yield from not_shown(len(self.latents) - _ROWS, "latent")

    def _html_row(self, row: int, most: float) -> str:
        own, other = float(self.means[row]), float(self.control_means[row])
        bars = elements.bar(own / most, ACCENT, 120), elements.bar(other / most, OTHER, 120)
        tokens = " ".join(map(elements.token, self.top_tokens[row]))
        cells = [f"{self.latents[row]}", f"{own:.3f}", bars[0], f"{other:.3f}", bars[1], f"{self.shares[row]:.0%}"]
        return elements.row([*cells, tokens], aligns="rrlrlrl")

    def _rebuilt(self) -> str:
        own = f"left out of the variance: {self.left_out:.0%}, control {self.control_left_out:.0%}"
        return f"{own}; latents on at a position: {self.active:.1f}, control {self.control_active:.1f}"

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        kinds = [clip(self.arm, 30), clip(self.control, 30)]
        rows = []
        for row in range(min(len(self.latents), limits.bars // 2)):
            tokens = " ".join(token_label(token, 12) for token in self.top_tokens[row][:2])
            labels = (clip(f"{self.latents[row]}  {tokens}", 34), "")
            for kind, label, values in zip(kinds, labels, (self.means, self.control_means), strict=True):
                value = rounded(values[row])
                rows.append({"label": label, "value": value, "shown": f"{values[row]:.2f}", "kind": kind})
        title = altair.Title(f"Latents of {clip(self.site, 40)}", subtitle=self._rebuilt())
        return charts.bars(rows, x="mean over positions", y="latent", title=title, colour=charts.arms(kinds))

    def _columns(self) -> Columns:
        return {
            "latent": self.latents,
            "mean": self.means,
            "control_mean": self.control_means,
            "share_on": self.shares,
            "control_share_on": self.control_shares,
            "strongest_at": [" ".join(map(token_label, tokens)) for tokens in self.top_tokens],
        }
