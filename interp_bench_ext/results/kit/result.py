"""What every result is and can do; a result type adds its fields and says how they look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from .bundles import Bundle, drawn, only_text
from .elements import folded, page
from .selection import FULL, SMALL, Limits

if TYPE_CHECKING:
    import altair
    import pandas

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Columns = dict[str, Any]


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False)
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result(ABC):
    """Base of all results. Shapes: P prompts, T visible tokens, L layers, S sites, H heads, K top entries, N rows.

    JupyterLab shows one form of an output, and prefers HTML to a chart. So a result that a picture says more about
    makes two outputs: the chart, which our JupyterLab extension draws, untrusted and offline too, with its PNG for
    agents, reports and other front ends; and below it the table as folded HTML, or above it, open, where texts say
    most. Texts and facts are one output of HTML.

    A subclass is a frozen dataclass by being one; its fields are keywords.
    """

    _texts_first = False
    """Whether the HTML says most, so that it stands open above the picture."""

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)

    @abstractmethod
    def _headline(self) -> str:
        """What the result is, in one line."""

    @abstractmethod
    def _lines(self) -> list[str]:
        """The key numbers and texts as bounded plain text, below the headline: all that an agent sees."""

    @abstractmethod
    def _html(self) -> Iterable[str]:
        """Pieces of HTML made with ``kit.elements``, below the headline."""

    @abstractmethod
    def _chart(self, limits: Limits) -> Any:
        """An Altair chart made with ``kit.charts``, which are imported when first asked for."""

    @abstractmethod
    def _columns(self) -> Columns:
        """The table; a column's unit is the end of its name."""

    def _empty(self) -> bool:
        """Whether the headline is all that there is to say."""
        return False

    def _charted(self) -> bool:
        """Whether a picture says more than text, and there is something to draw."""
        return False

    def table(self) -> pandas.DataFrame:
        """The result as a DataFrame, one row per text, token or word."""
        import pandas

        return pandas.DataFrame(self._columns())

    def plot(self) -> altair.TopLevelMixin:
        """The result as an Altair chart."""
        return self._picture(FULL)

    def outputs(self) -> list[Bundle]:
        """The outputs that a notebook shows, each in the forms that a front end may choose from."""
        html = self._page()
        if not self._charted():
            return [{"text/plain": str(self), "text/html": html}]
        if self._texts_first:
            return [{"text/plain": str(self), "text/html": html}, self._drawn()]
        return [{"text/plain": str(self), **self._drawn()}, {"text/html": folded("Table", html)}]

    def __str__(self) -> str:
        lines = [] if self._empty() else self._lines()
        return "\n".join([f"{type(self).__name__}: {self._headline()}", *lines])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._headline()}>"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))

    __hash__ = None  # type: ignore[assignment]

    def _page(self) -> str:
        return page(self._headline(), () if self._empty() else self._html())

    def _picture(self, limits: Limits) -> altair.TopLevelMixin:
        from .charts import finished

        return finished(self._chart(limits), self._headline())

    def _drawn(self) -> Bundle:
        return drawn(self._picture(SMALL).to_dict())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        """Every form in one bundle; a terminal gets only text."""
        bundle: Bundle = {"text/plain": str(self)}
        if only_text():
            return bundle
        return {
            **bundle,
            "text/html": self._page(),
            **(self._drawn() if self._charted() else {}),
        }

    def _ipython_display_(self) -> None:
        """Publish the outputs; IPython asks for the plain text instead where that is all a shell shows."""
        if only_text():
            raise NotImplementedError
        from IPython.display import display

        for bundle in self.outputs():
            display(bundle, raw=True)  # type: ignore[no-untyped-call]


class Pictured(Result):
    """A result that a picture says more about than text, where its table has any rows."""

    def _charted(self) -> bool:
        return bool(len(next(iter(self._columns().values()))))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)
