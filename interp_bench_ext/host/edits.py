"""What a row's edits do to what a module gave, in tables: where each place's value is, and the values.

Shapes: B rows, T columns of a pass, S steps that come, N values of a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from interp_bench_ext.contracts import Edit
from interp_bench_ext.errors import BadInput

Columns = NDArray[np.int64]
"""``[B, T]``: the visible position of each column of a call; -1 where there is padding."""


def _project(found: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    direction = value / value.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    along: torch.Tensor = (found * direction).sum(-1, keepdim=True) * direction
    return found - along


OPERATIONS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "add": torch.add,
    "set": lambda _found, value: value,
    "scale": torch.mul,
    "project": _project,
}


@dataclass(frozen=True)
class Entry:
    """One edit of one row: where its values begin in a stage's table, and for which positions."""

    row: int
    positions: tuple[int, ...] | range | None
    first: int
    each: bool
    """Whether every position has a value of its own."""

    def index(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """``[T]``: the value's place in the table by column, -1 where nothing is done."""
        if self.positions is None:
            return np.where(columns >= 0, self.first, -1)
        if isinstance(self.positions, range):
            inside = (columns >= self.positions.start) & (columns < self.positions.stop)
            place = (columns - self.positions.start) // self.positions.step
            inside &= (columns - self.positions.start) % self.positions.step == 0
        else:
            found = columns[:, None] == np.asarray(self.positions)
            inside, place = found.any(1), found.argmax(1)
        return np.where(inside & (columns >= 0), self.first + (place if self.each else 0), -1)


@dataclass(frozen=True)
class FixedEdits:
    """Edits of steps that come, for a step that is recorded: where each row's value is, and the values."""

    places: torch.Tensor
    """``[B, S]``; -1 where nothing is done."""
    table: torch.Tensor
    """``[N, *shape]`` float32."""
    step: torch.Tensor
    """``[1]``"""

    @property
    def at(self) -> torch.Tensor:
        """``[B, 1]``: the places of this step."""
        return self.places.index_select(1, self.step)


@dataclass
class Stage:
    """Edits of one operation at one site, at most one of each row."""

    op: str
    head: int | None
    entries: dict[int, Entry] = field(default_factory=dict)
    values: list[torch.Tensor] = field(default_factory=list)
    _table: torch.Tensor | None = None
    _fixed: FixedEdits | None = None

    def add(self, row: int, edit: Edit, shape: tuple[int, ...], length: int) -> None:
        """Take in a row's edit. ``length`` is that of the row."""
        values = checked_value(edit, shape)
        first = sum(len(each) for each in self.values)
        self.entries[row] = Entry(row, from_the_front(edit.positions, length), first, len(values) > 1)
        self.values.append(values)

    def applied(self, found: torch.Tensor, columns: Columns) -> torch.Tensor:
        """``found`` ``[B, T, *shape]`` after the edits."""
        if self._fixed is not None:
            return self._changed(found, self._fixed.at, self._fixed.table)
        index = self._index(columns)
        rows = np.flatnonzero((index >= 0).any(1))
        if not len(rows):
            return found
        if len(rows) < len(index):
            whole = found.clone()
            whole[rows] = self._tabled(found[rows], index[rows])
            return whole
        return self._tabled(found, index)

    def _tabled(self, found: torch.Tensor, index: NDArray[np.int64]) -> torch.Tensor:
        """``found`` ``[B, T, *shape]`` with the values at ``index`` ``[B, T]``."""
        if (index == index[:, :1]).all():  # the same for all columns of a row
            index = index[:, :1]
        if self._table is None or self._table.device != found.device:
            self._table = torch.cat(self.values).to(found.device, torch.float32)
        return self._changed(found, torch.from_numpy(index).to(found.device), self._table)

    def _changed(self, found: torch.Tensor, at: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        changed = OPERATIONS[self.op](found.float(), table[at.clamp(min=0)]).to(found.dtype)
        return torch.where((at >= 0).reshape(*at.shape, *[1] * (found.dim() - 2)), changed, found)

    def _index(self, columns: Columns) -> NDArray[np.int64]:
        """``[B, T]``: each place's value in the table, -1 where nothing is done. Rows may be the first ones."""
        index = np.full(columns.shape, -1)
        for row, entry in self.entries.items():
            if row < len(columns):
                index[row] = entry.index(columns[row])
        return index

    @property
    def room(self) -> int:
        """How many values a fixed table has: a power of two."""
        return 1 << (sum(len(each) for each in self.values) - 1).bit_length()

    def fixed(self, rows: int, steps: int, step: torch.Tensor) -> Stage:
        """One that does what :meth:`become` says, in memory that stays where it is."""
        places = torch.full((rows, steps), -1, dtype=torch.long, device=step.device)
        table = torch.zeros((self.room, *self.values[0].shape[1:]), device=step.device)
        return replace(self, _fixed=FixedEdits(places, table, step))

    def become(self, other: Stage, columns: Columns) -> None:
        """Do for ``columns`` ``[rows, steps]`` what the other would."""
        assert self._fixed is not None
        rows, steps = columns.shape
        values = torch.cat(other.values)
        self._fixed.places.fill_(-1)
        self._fixed.places[:rows, :steps] = torch.from_numpy(other._index(columns)).to(self._fixed.places.device)
        self._fixed.table[: len(values)] = values.to(self._fixed.table.device)


def checked_value(edit: Edit, shape: tuple[int, ...]) -> torch.Tensor:
    """``[1 or positions, *shape]`` float32. Raises BadInput for a value of another shape, or that is no number."""
    try:
        value = torch.as_tensor(edit.value, dtype=torch.float32).detach()
    except (TypeError, ValueError, RuntimeError):
        raise BadInput(f"An edit's value is a tensor, an array or numbers, not {type(edit.value).__name__}.") from None
    if not value.isfinite().all():
        raise BadInput(f"The value of the edit at {edit.site} is not finite.")
    if value.dim() == 0 and edit.op != "project":
        return value.expand(1, *shape)
    if tuple(value.shape) in (shape, (1, *shape)):
        return value.reshape(1, *shape)
    count = None if edit.positions is None else len(edit.positions)
    if count is not None and tuple(value.shape) == (count, *shape):
        return value
    each = "" if count is None else f" or {[count, *shape]}"
    raise BadInput(f"The edit at {edit.site} has a value of shape {list(value.shape)}, and {list(shape)}{each} fits.")


def from_the_front(positions: tuple[int, ...] | range | None, length: int) -> tuple[int, ...] | range | None:
    """Negative positions counted from the end of a row of this length."""
    if positions is None or isinstance(positions, range):
        return positions
    return tuple(position + length if position < 0 else position for position in positions)
