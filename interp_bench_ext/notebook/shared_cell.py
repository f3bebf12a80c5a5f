"""One cell of the run in a shared document: made, and changed as little as possible."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from pycrdt import Array, Map, Text

from ..record.event import JsonDict
from .backend import MARK, NotebookCell


def runs(cell: NotebookCell) -> bool:
    """Whether the cell is running."""
    return cell.mark.get("status") == "running"


def new_cell(cell: NotebookCell) -> Map[Any]:
    """The cell as browsers expect it."""
    shape: JsonDict = {
        "id": cell.cell_id,
        "cell_type": cell.kind,
        "source": Text(cell.source),
        "metadata": Map({MARK: dict(cell.mark)}),
    }
    if cell.kind == "code":
        shape |= {
            "outputs": Array([_new_output(output) for output in cell.outputs]),
            "execution_count": cell.execution_count,
            "execution_state": _execution_state(cell),
        }
    return Map(shape)


def write_cell(ycell: Map[Any], cell: NotebookCell, known: Sequence[JsonDict] | None) -> int:
    """Make the shared cell what ``cell`` says; returns about how many characters that took.

    Args:
        ycell: A cell of the same kind.
        cell: What it is to be.
        known: The outputs that it has; None where nobody knows.
    """
    count = _write_text(ycell["source"], cell.source)
    metadata = ycell.get("metadata")
    if not isinstance(metadata, Map):
        ycell["metadata"] = Map({})
        metadata = ycell["metadata"]
    if metadata.get(MARK) != cell.mark:
        metadata[MARK] = dict(cell.mark)
    if cell.kind != "code":
        return count
    written = _write_outputs(ycell, list(cell.outputs), known)
    if written and "trusted" in metadata:
        # What a person has trusted were other outputs.
        del metadata["trusted"]
    _set(ycell, "execution_count", cell.execution_count)
    _set(ycell, "execution_state", _execution_state(cell))
    return count + written


def _execution_state(cell: NotebookCell) -> str:
    return "running" if runs(cell) else "idle"


def _set(ycell: Map[Any], key: str, value: object) -> None:
    if key not in ycell or ycell[key] != value:
        ycell[key] = value


def _write_outputs(ycell: Map[Any], wanted: list[JsonDict], known: Sequence[JsonDict] | None) -> int:
    youtputs = ycell.get("outputs")
    if not isinstance(youtputs, Array):
        ycell["outputs"] = Array([_new_output(output) for output in wanted])
        return 1 + sum(map(_size, wanted))
    known = youtputs.to_py() or [] if known is None else known
    count = 0
    if len(known) > len(wanted):
        del youtputs[len(wanted) :]
        count += 1
    for index, (old, new) in enumerate(zip(known, wanted, strict=False)):
        if old is not new and old != new:
            count += _change_output(youtputs, index, old, new)
    added = wanted[len(known) :]
    youtputs.extend([_new_output(output) for output in added])
    return count + sum(map(_size, added))


def _change_output(youtputs: Array[Any], index: int, old: JsonDict, new: JsonDict) -> int:
    text = youtputs[index].get("text")
    if new["output_type"] == "stream" and old.get("name") == new["name"] and isinstance(text, Text):
        return _write_text(text, new["text"])
    youtputs[index] = _new_output(new)
    return _size(new)


def _new_output(output: JsonDict) -> Map[Any]:
    if output["output_type"] == "stream":
        return Map({**output, "text": Text(output["text"])})
    return Map(output)


def _size(output: JsonDict) -> int:
    return len(json.dumps(output))


def _write_text(ytext: Text, new: str) -> int:
    """Replace what lies between the common beginning and end, so that a person's cursor stays where it is."""
    old = str(ytext)
    if old == new:
        return 0
    shorter = min(len(old), len(new))
    start = _longest(shorter, lambda length: old[:length] == new[:length])
    rest = shorter - start
    end = _longest(rest, lambda length: old[len(old) - length :] == new[len(new) - length :])
    # Shared texts count in bytes of UTF-8.
    first = len(old[:start].encode())
    gone = len(old[start : len(old) - end].encode())
    if gone:
        del ytext[first : first + gone]
    added = new[start : len(new) - end]
    if added:
        ytext.insert(first, added)
    return max(len(added), gone)


def _longest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest length that fits, where every shorter one does too."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
