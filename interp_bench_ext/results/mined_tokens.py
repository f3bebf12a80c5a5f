"""Tokens that one model prefers to another over much text, in groups that come up together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import ACCENT, OTHER, not_shown, quiet
from .kit.result import Columns, Floats, Ints, Pictured
from .kit.safe_text import counted, more, token_label
from .kit.selection import Limits

_TOKENS, _GROUPS, _GROUP_TOKENS = 30, 8, 12


class MinedTokens(Pictured):
    """N tokens by how often they were among the K that gained most, less how often among those that lost most."""

    tokens: tuple[str, ...]
    """[N]"""
    gained: Ints
    """[N] positions at which the token was among the ``top_k`` that gained most logit."""
    lost: Ints
    """[N] positions at which it was among the ``top_k`` that lost most: the control."""
    mean_gain: Floats
    """[N] nats of log-probability gained, mean over the positions at which it was among those that gained."""
    groups: tuple[tuple[str, ...], ...]
    """Tokens that gained in the same texts, by non-negative matrix factorisation, the strongest group first."""
    group_shares: Floats
    """[groups] share of the counts that each group explains."""
    n_positions: int
    """Places in the texts at which the two models were compared."""
    n_texts: int
    top_k: int
    """K: how many tokens count as having gained, and as having lost, at each."""

    def _headline(self) -> str:
        where = f"{counted(self.n_positions, 'position')} of {counted(self.n_texts, 'text')}"
        return f"{counted(len(self.tokens), 'token')} that gained against the base, {where}"

    def _lines(self) -> list[str]:
        if not self.tokens:
            return ["no token gained more often than it lost: the two models say the same here"]
        lines = []
        for number, (group, share) in enumerate(zip(self.groups[:_GROUPS], self.group_shares, strict=False), start=1):
            shown = "  ".join(token_label(token) for token in group[:_GROUP_TOKENS])
            lines.append(f"group {number} ({share:.0%} of the counts): {shown}")
        lines.append(f"{'token':<20} {'gained at':>10} {'lost at':>8} {'mean gain, nats':>16}")
        for row in range(min(len(self.tokens), _TOKENS)):
            gain = f"{self.gained[row]:>10} {self.lost[row]:>8} {self.mean_gain[row]:>+16.2f}"
            lines.append(f"{token_label(self.tokens[row], 20):<20} {gain}")
        return lines + more(len(self.tokens) - _TOKENS, "token")

    def _html(self) -> Iterable[str]:
        if not self.tokens:
            yield quiet("no token gained more often than it lost: the two models say the same here")
            return
        yield elements.table(
            elements.row([f"group {number}", f"{share:.0%}", " ".join(map(elements.token, group[:_GROUP_TOKENS]))])
            for number, (group, share) in enumerate(zip(self.groups, self.group_shares, strict=True), start=1)
        )
        most = max(int(self.gained.max(initial=1)), int(self.lost.max(initial=1)), 1)
        header = elements.row(["token", "gained at", "", "lost at", "", "mean gain, nats"], "th", "lrlrlr")
        yield elements.table((self._html_row(row, most) for row in range(min(len(self.tokens), _TOKENS))), header)
        yield quiet(f"of {self.n_positions:,} positions; among the {self.top_k} tokens that moved most at each")
        yield from not_shown(len(self.tokens) - _TOKENS, "token")

    def _html_row(self, row: int, most: int) -> str:
        gained, lost = int(self.gained[row]), int(self.lost[row])
        bars = elements.bar(gained / most, ACCENT, 120), elements.bar(lost / most, OTHER, 120)
        cells = [elements.token(self.tokens[row]), f"{gained}", bars[0], f"{lost}", bars[1]]
        return elements.row([*cells, f"{self.mean_gain[row]:+.2f}"], aligns="lrlrlr")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        kinds = ["gained most", "lost most, the control"]
        rows = []
        for row in range(min(len(self.tokens), limits.bars)):
            for kind, counts in zip(kinds, (self.gained, self.lost), strict=True):
                share = int(counts[row]) / max(self.n_positions, 1)
                label = token_label(self.tokens[row]) if kind == kinds[0] else ""
                rows.append({"label": label, "value": round(share, 4), "shown": f"{share:.0%}", "kind": kind})
        subtitle = f"among the {self.top_k} that moved most at each of {self.n_positions:,} positions"
        title = altair.Title("Tokens that gained against the base", subtitle=subtitle)
        return charts.bars(rows, x="share of positions", y="token", title=title, colour=charts.arms(kinds))

    def _columns(self) -> Columns:
        return {
            "token": self.tokens,
            "gained_positions": self.gained,
            "lost_positions": self.lost,
            "share_gained": self.gained / max(self.n_positions, 1),
            "mean_gain_nats": self.mean_gain,
            "group": [self._group(token) for token in self.tokens],
        }

    def _group(self, token: str) -> int:
        """The first group that the token is in, from 1; 0 where in none."""
        return next((number for number, group in enumerate(self.groups, start=1) if token in group), 0)


def nothing(n_positions: int, n_texts: int, top_k: int) -> MinedTokens:
    """What identical models give."""
    none = np.zeros(0, np.int64)
    return MinedTokens(
        tokens=(),
        gained=none,
        lost=none,
        mean_gain=np.zeros(0, np.float32),
        groups=(),
        group_shares=np.zeros(0, np.float32),
        n_positions=n_positions,
        n_texts=n_texts,
        top_k=top_k,
    )
