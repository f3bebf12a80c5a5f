"""What a custom method gives that is none of the other results: columns of numbers and of texts, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from .kit import elements
from .kit.elements import escaped, not_shown
from .kit.result import Columns, Floats, Result
from .kit.safe_text import clip, counted, more, rounded
from .kit.selection import Limits

_ROWS, _COLUMNS, _WIDEST = 30, 8, 40
_MOST_COLUMNS = 20_000


class MethodValues(Result):
    """N rows with C columns of numbers and D of texts."""

    method: str
    names: tuple[str, ...]
    """[C]"""
    values: Floats
    """[N, C]"""
    text_names: tuple[str, ...] = ()
    """[D]"""
    texts: tuple[tuple[str, ...], ...] = ()
    """[D][N]"""

    @property
    def _n(self) -> int:
        return len(self.texts[0]) if self.texts else len(self.values)

    def _headline(self) -> str:
        columns = counted(len(self.names) + len(self.text_names), "column")
        return f"{clip(self.method, 40)}: {counted(self._n, 'row')}, {columns}"

    def _charted(self) -> bool:
        return self._n > 1 and bool(self.names)

    def _cells(self, row: int) -> list[str]:
        texts = [clip(column[row], _WIDEST) for column in self.texts]
        return [*texts, *(f"{float(value):.4g}" for value in self.values[row])][:_COLUMNS]

    def _heads(self) -> list[str]:
        return [clip(name, _WIDEST) for name in (*self.text_names, *self.names)][:_COLUMNS]

    def _lines(self) -> list[str]:
        rows = [self._heads(), *(self._cells(row) for row in range(min(self._n, _ROWS)))]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return shown + more(self._n - _ROWS, "row")

    def _html(self) -> Iterable[str]:
        header = elements.row(map(escaped, self._heads()), "th")
        rows = (elements.row(map(escaped, self._cells(row))) for row in range(min(self._n, _ROWS)))
        yield elements.table(rows, header)
        yield from not_shown(self._n - _ROWS, "row")

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit import charts

        labels = self.texts[0] if self.texts else [str(row) for row in range(self._n)]
        rows = [
            {
                "label": clip(labels[row], 30),
                "value": rounded(self.values[row, 0]),
                "shown": f"{float(self.values[row, 0]):.3g}",
            }
            for row in range(min(self._n, limits.bars) if self.names else 0)
        ]
        title = altair.Title(clip(self.method, 40), subtitle=self._headline())
        x = clip(self.names[0], 30) if self.names else ""
        heading = clip(self.text_names[0], 30) if self.texts else "row"
        return charts.bars(rows, x=x, y=heading, title=title, colour=charts.signed())

    def _columns(self) -> Columns:
        texts = dict(zip(self.text_names, self.texts, strict=True))
        return {
            "method": [self.method] * self._n,
            "row": np.arange(self._n),
            **texts,
            **{name: self.values[:, place] for place, name in enumerate(self.names)},
        }


def values_of(found: Any, method: str) -> MethodValues:
    """A number, a text, an array or a list of either, or a mapping of columns of one length.

    Raises ``TypeError`` in one sentence for anything else.
    """
    columns = {str(name): _column(each) for name, each in _named(found).items()}
    lengths = {len(column) for column in columns.values() if column is not None}
    if (
        not columns
        or any(column is None for column in columns.values())
        or len(lengths) != 1
        or len(columns) > _MOST_COLUMNS
    ):
        raise TypeError(
            f"{method} returned {type(found).__name__}: a method returns one of the result types, a number, a text, "
            f"an array, or a dict of up to {_MOST_COLUMNS:,} columns of one length, of numbers or of texts"
        )
    texts = {name: column for name, column in columns.items() if isinstance(column, tuple)}
    numbers = {name: column for name, column in columns.items() if isinstance(column, np.ndarray)}
    (n,) = lengths
    values = np.stack(list(numbers.values()), 1) if numbers else np.zeros((n, 0))
    return MethodValues(
        method=method,
        names=tuple(numbers),
        values=values.astype(np.float32),
        text_names=tuple(texts),
        texts=tuple(texts.values()),
    )


def _named(found: Any) -> Mapping[Any, Any]:
    if isinstance(found, Mapping):
        return found
    array = _array(found)
    if array is not None and array.ndim == 2:
        return {str(place): array[:, place] for place in range(array.shape[1])}
    return {"value": found}


def _column(found: Any) -> tuple[str, ...] | np.ndarray | None:
    """One column; None for what is none."""
    if isinstance(found, str):
        return (found,)
    if isinstance(found, (list, tuple)) and found and all(isinstance(each, str) for each in found):
        return tuple(found)
    array = _array(found)
    if array is None or array.ndim > 1:
        return None
    return array.reshape(-1)


def _array(found: Any) -> np.ndarray | None:
    """An array of numbers; tensors become arrays by their own methods, so that torch need not be known here."""
    if hasattr(found, "detach"):
        found = found.detach().cpu().float().numpy()
    if not isinstance(found, (Real, list, tuple, np.ndarray)):
        return None
    try:
        array = np.asarray(found)
    except ValueError:
        return None
    return array if array.dtype.kind in "fiub" else None
