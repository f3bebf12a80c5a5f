"""Where a replayed run's cells differ from the recorded ones, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..agent.replay import names_in_fresh_notebook
from ..record.cells import Cell, Cells
from ..record.event import JsonDict
from ..record.events import Event
from ..results.kit.bundles import CHART
from .tolerant_diff import FLOOR, Alike, Unlike, visible_text

TOLERANCE = 1e-3
_CUT = ("interrupted", "timeout", "kernel_died")
"""How a cell ends by something that its code alone does not decide."""
_WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Difference:
    """How one cell came out otherwise; of several differences in one output the first."""

    cell_id: str
    what: Literal["missing", "source", "status", "outputs", "text", "number", "result", "error"]
    recorded: str
    replayed: str


@dataclass(frozen=True)
class NotCompared:
    """A cell, or a part of its outputs, of which nothing can be said."""

    cell_id: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All code cells of the recorded run that had ended."""

    cells: int
    tolerance: float
    differences: tuple[Difference, ...]
    not_compared: tuple[NotCompared, ...]

    def summary(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "cells": self.cells,
            "tolerance": {"relative": self.tolerance, "absolute": FLOOR},
            "differences": [asdict(found) for found in self.differences],
            "not_compared": [asdict(found) for found in self.not_compared],
        }


def compare_runs(recorded: Sequence[Event], replayed: Sequence[Event], *, tolerance: float = TOLERANCE) -> Comparison:
    """Compare cells by id: status, source, texts, numbers, and the data behind charts.

    Args:
        recorded: Events of the recorded run.
        replayed: Events of its replay, in a notebook of its own.
        tolerance: Relative difference up to which two numbers with a fraction are the same; counts must be equal.
    """
    names, others = names_in_fresh_notebook(recorded), Cells.of(replayed).by_id
    ended = [cell for cell in Cells.of(recorded).by_id.values() if cell.kind == "code" and (cell.status or cell.edited)]
    alike = Alike(tolerance)
    found = [item for cell in ended for item in _compared(cell, others.get(names[cell.cell_id]), alike)]
    return Comparison(
        cells=len(ended),
        tolerance=tolerance,
        differences=tuple(item for item in found if isinstance(item, Difference)),
        not_compared=tuple(item for item in found if isinstance(item, NotCompared)),
    )


def _compared(cell: Cell, other: Cell | None, alike: Alike) -> Iterator[Difference | NotCompared]:
    name = cell.cell_id
    ran = other is not None and other.status is not None
    if cell.status in (*_CUT, "running"):
        came = f"the replay's came out {other.status}" if ran and other else "the replay did not run it"
        yield NotCompared(name, f"the recorded cell was cut off ({cell.status}); {came}")
    elif cell.edited and other is not None:  # how it ended is no longer its own
        yield from _source_compared(cell, other, alike)
    elif other is None or not ran:
        yield Difference(name, "missing", cell.stands, "not run")
    elif cell.status != other.status:
        yield Difference(name, "status", *(_how_it_ended(one) for one in (cell, other)))
    else:
        yield from _source_compared(cell, other, alike)
        yield from _outputs_compared(name, cell.outputs, other.outputs, alike)


def _source_compared(cell: Cell, other: Cell, alike: Alike) -> Iterator[Difference]:
    if cell.source != other.source:
        found = alike.texts(cell.source, other.source) or Unlike("text", "", "")
        yield Difference(cell.cell_id, "source", found.recorded, found.replayed)


def _how_it_ended(cell: Cell) -> str:
    error = next((output for output in cell.outputs if output["output_type"] == "error"), None)
    return str(cell.status) if error is None else f"{cell.status}: {error['ename']}: {error['evalue']}"


def _outputs_compared(
    name: str, recorded: Sequence[JsonDict], replayed: Sequence[JsonDict], alike: Alike
) -> Iterator[Difference | NotCompared]:
    for stream in ("stdout", "stderr"):
        found = alike.texts(_streamed(recorded, stream), _streamed(replayed, stream))
        if found is not None:
            yield Difference(name, found.what, found.recorded, found.replayed)
    one, other = ([output for output in outputs if _lasts(output)] for outputs in (recorded, replayed))
    if len(one) != len(other):
        yield Difference(name, "outputs", f"{len(one)} displays", f"{len(other)} displays")
        return
    for before, after in zip(one, other, strict=True):
        yield from _display_compared(name, before, after, alike)


def _display_compared(name: str, one: JsonDict, other: JsonDict, alike: Alike) -> Iterator[Difference | NotCompared]:
    if "error" in (one["output_type"], other["output_type"]):
        before, after = (f"{output.get('ename', '')}: {output.get('evalue', '')}" for output in (one, other))
        found = alike.texts(before, after)
        if found is not None:
            yield Difference(name, "error", found.recorded, found.replayed)
        return
    first, second = _forms(one["data"]), _forms(other["data"])
    if set(first) != set(second):
        yield Difference(name, "outputs", ", ".join(sorted(first)), ", ".join(sorted(second)))
        return
    found_in = [found for form in first for found in _form_compared(name, form, first[form], second[form], alike)]
    # The forms of one display say the same: the first that differs says it for all.
    yield from [found for found in found_in if isinstance(found, NotCompared)]
    yield from [found for found in found_in if isinstance(found, Difference)][:1]


def _form_compared(name: str, form: str, one: Any, other: Any, alike: Alike) -> Iterator[Difference | NotCompared]:
    if form.startswith("image/"):
        if one != other:
            yield NotCompared(name, f"an image ({form}) that comes without the data it was made from")
        return
    if form == "text/html":
        one, other = visible_text(_joined(one)), visible_text(_joined(other))
    found = alike.values(_joined(one), _joined(other))
    if found is not None:
        yield Difference(name, "result" if form == CHART else found.what, found.recorded, found.replayed)


def _forms(data: Mapping[str, Any]) -> dict[str, Any]:
    """The forms of an output to compare, a chart's data first; its picture is made from them."""
    forms = sorted(data, key=lambda form: form != CHART)
    return {form: data[form] for form in forms if not (form.startswith("image/") and CHART in data)}


def _streamed(outputs: Sequence[JsonDict], stream: str) -> str:
    return "".join(_joined(output["text"]) for output in outputs if output.get("name") == stream)


def _lasts(output: JsonDict) -> bool:
    """Whether the output is no stream, and no display of progress."""
    if output["output_type"] == "stream":
        return False
    if output["output_type"] == "error":
        return True
    ours = output.get("metadata", {}).get("interp_bench", {})
    return bool(output["data"]) and _WIDGET not in output["data"] and "progress" not in ours


def _joined(text: Any) -> Any:
    return "".join(text) if isinstance(text, list) and all(isinstance(line, str) for line in text) else text
