"""A batch in the middle of its generation. Shapes: B rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.host.interventions import Columns, Interventions


@dataclass
class State:
    """Its cache, ``[B, columns]`` mask, ``[B]`` next positions.

    ``hooks`` are those of the rows' edits, None where there are none; ``seen`` ``[B]`` is how many visible tokens each
    row has had.
    """

    rows: list[Row]
    cache: Any
    mask: torch.Tensor
    positions: torch.Tensor
    seen: Columns
    hooks: Interventions | None = None

    @property
    def base(self) -> list[bool]:
        return [row.arm == "base" for row in self.rows]

    def keep(self, indices: list[int]) -> None:
        """Go on with these rows, one of which may be taken several times."""
        picked = torch.tensor(indices)  # on the CPU it picks from layers on any device
        self.rows = [self.rows[index] for index in indices]
        if self.hooks:
            self.hooks.keep(indices)
        pick_rows(self.cache, picked)
        self.mask, self.positions, self.seen = self.mask[picked], self.positions[picked], self.seen[indices]


def pick_rows(cache: Any, picked: torch.Tensor) -> None:
    """Rows of a cache of any kind, in place; layers with recurrent states have only the method for beams."""
    if all(hasattr(layer, "batch_select_indices") for layer in cache.layers):
        cache.batch_select_indices(picked)
    else:
        cache.reorder_cache(picked)
