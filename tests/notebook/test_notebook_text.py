from __future__ import annotations

import copy
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_bench_ext.notebook.backend import new_notebook
from interp_bench_ext.notebook.notebook_text import NotebookText

_TEXT = st.text(alphabet='ab\n"\\ {}[],:é\u2028', max_size=30)
_OUTPUT = st.one_of(
    st.builds(lambda text: {"output_type": "stream", "name": "stdout", "text": text}, _TEXT),
    st.builds(
        lambda text, value: {
            "output_type": "display_data",
            "data": {"text/plain": text, "application/json": {"b": value, "a": [value]}, "image/png": "aGk=\n"},
            "metadata": {},
        },
        _TEXT,
        st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), _TEXT),
    ),
)


def _code(number: int, source: str, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {"interp_bench": {"status": "ok"}, "trusted": True}
    shared = {"id": f"c{number}", "source": source, "metadata": metadata}
    return {**shared, "cell_type": "code", "outputs": outputs, "execution_count": number}


_CODE = st.builds(_code, st.integers(0, 9), _TEXT, st.lists(_OUTPUT, max_size=3))
_MARKDOWN = st.builds(lambda text: {"id": "m", "cell_type": "markdown", "source": text, "metadata": {}}, _TEXT)
_CELLS = st.lists(st.one_of(_CODE, _MARKDOWN), max_size=4)


def whole(notebook: dict[str, Any]) -> str:
    return nbformat.v4.writes(nbformat.from_dict(copy.deepcopy(notebook))) + "\n"


@given(_CELLS, _CELLS)
def test_the_text_is_what_nbformat_writes_also_after_changes(before: list[Any], after: list[Any]) -> None:
    text = NotebookText()
    first = {**new_notebook(), "cells": before}
    assert text.of(first) == whole(first)
    second = {**first, "metadata": {"kernelspec": {"name": "x"}, "authors": []}, "cells": [*after, *before[1:]]}
    assert text.of(second) == whole(second)
    assert text.of(first) == whole(first)


@pytest.mark.parametrize("cells", [0, 3])
def test_what_has_not_changed_is_not_written_out_again(cells: int) -> None:
    text = NotebookText()
    notebook = {**new_notebook(), "cells": [_code(number, "1", []) for number in range(cells)]}
    text.of(notebook)
    for cell in notebook["cells"]:
        cell["source"] = "changed in place, which nobody does"
    assert "changed in place" not in text.of(notebook)
