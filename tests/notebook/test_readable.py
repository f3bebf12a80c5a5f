"""Notebooks from the wild: a run works in them, or one sentence says why not and they stay as they were."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from interp_bench_ext.errors import BadInput, NotebookConflict
from interp_bench_ext.notebook.contents import ContentsBackend, LocalFile
from interp_bench_ext.notebook.readable import check_notebook, valid_ids

from .test_contents import code


def cell(source: str, **more: Any) -> dict[str, Any]:
    old = {"output_type": "stream", "name": "stdout", "text": "old\n"}
    return {"cell_type": "code", "metadata": {}, "execution_count": 3, "source": source, "outputs": [old], **more}


def v4(cells: list[dict[str, Any]], minor: int = 5, **metadata: Any) -> str:
    return json.dumps({"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": cells})


V3 = {"cell_type": "code", "collapsed": False, "input": "1+1", "language": "python", "outputs": [], "metadata": {}}
R = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}, "language_info": {"name": "R"}}
CONDA = {"kernelspec": {"name": "conda-env-ml-py", "display_name": "ml"}, "language_info": {"name": "python"}}

FINE = {
    "with ids": v4([cell("1+1", id="a1")]),
    "4.2": v4([cell("1+1")], 2),
    "4.4 with ids": v4([cell("1+1", id="x")], 4),
    "4.5 without ids": v4([cell("1+1"), cell("2")]),
    "ids twice": v4([cell("1+1", id="same"), cell("2", id="same")]),
    "ids of other letters": v4([cell("1+1", id="a b é"), cell("2", id="x" * 65), cell("3", id="")]),
    "nbformat 3": json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [V3]}]}),
    "newer minor": v4([cell("1+1", id="a1", novelty={"x": 1})], 9),
    "another Python": v4([cell("1+1", id="a1")], **CONDA),
    "marks in a source": v4([cell("1+1", id="a1"), cell("<<<<<<< HEAD\n=======\n", id="a2")]),
}
BROKEN: dict[str, tuple[str | bytes, str]] = {
    "R": (v4([cell("library(x)", id="r1")], **R), r"has a kernel for another language, .* give it a Python kernel"),
    "nbformat 5": (json.dumps({"nbformat": 5, "nbformat_minor": 0, "metadata": {}, "cells": []}), "is of nbformat 5"),
    "byte order mark": ("\ufeff" + v4([]), "begins with a byte order mark"),
    "UTF-16": (v4([]).encode("utf-16"), "is not UTF-8 text"),
    "NaN": (v4([]).replace("{}", '{"x": NaN}'), "holds NaN, which JSON does not have"),
    "unknown field": (
        v4([cell("1", id="a", outputs=[{"output_type": "stream", "x": 1}])]),
        "does not keep to its format",
    ),
    "no cells": ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "does not keep to its format"),
    "conflict": (f"<<<<<<< HEAD\n{v4([])}\n=======\n>>>>>>> other\n", "holds a merge conflict; resolve it"),
    "half": (v4([])[:30], r"is not valid JSON \(line 1, column"),
    "huge number": (f"[1{'0' * 5000}]", "is not valid JSON"),
    "deep": ("[" * 100_000, "is not valid JSON"),
    "empty": ("", "is an empty file"),
    "list": ("[]", "is JSON but no notebook"),
    "LFS": ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "is only a Git LFS pointer"),
}


@pytest.mark.filterwarnings(
    "ignore::nbformat.warnings.MissingIDFieldWarning", "ignore::nbformat.warnings.DuplicateCellId"
)
@pytest.mark.parametrize("name", FINE)
def test_a_run_works_beside_what_was_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(FINE[name])

    async def scenario() -> None:
        backend = await ContentsBackend.open(path)
        await backend.put([code("own", "6 * 7")])
        await backend.saved()

    asyncio.run(scenario())
    after: Any = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(after)
    before: Any = nbformat.reads(FINE[name], as_version=4)
    assert [found.source for found in after.cells] == [*(found.source for found in before.cells), "6 * 7"]
    assert [found.outputs for found in after.cells[:-1]] == [found.outputs for found in before.cells]
    if "kernelspec" in before.metadata:
        assert after.metadata.kernelspec == before.metadata.kernelspec


@pytest.mark.parametrize("name", BROKEN)
def test_what_no_run_can_work_in_is_one_sentence_and_stays(tmp_path: Path, name: str) -> None:
    path, (content, told) = tmp_path / "n.ipynb", BROKEN[name]
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(raw)
    with pytest.raises(BadInput, match=told) as refused:
        asyncio.run(ContentsBackend.open(path))
    assert str(refused.value).startswith(f"The notebook {path} ")
    assert str(refused.value).endswith(", or choose another notebook.")
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == raw


SECRET = "the marbled polecat"


@pytest.mark.parametrize(
    "content",
    [
        SECRET,
        f'["{SECRET}"',
        f'{{"nbformat": 4, "nbformat_minor": 5, "metadata": {{}}, "cells": "{SECRET}"}}',
        f'{{"nbformat": 4, "nbformat_minor": 5, "metadata": {{}}, "cells": [], "{SECRET}": 1}}',
        f'{{"nbformat": "{SECRET}", "cells": []}}',
        f'{{"nbformat": 3, "nbformat_minor": 0, "metadata": {{"{SECRET}": 1}}, "worksheets": "{SECRET}"}}',
        v4([{"cell_type": SECRET, "metadata": {}, "source": SECRET}]),
        v4([cell("1", id="a", outputs=[{"output_type": SECRET}])]),
        v4([cell("1", id="a")], kernelspec={"name": SECRET, "display_name": SECRET, "language": SECRET}),
    ],
)
def test_nothing_of_a_file_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(content)
    with pytest.raises(BadInput) as refused:
        asyncio.run(ContentsBackend.open(path))
    assert SECRET not in str(refused.value)
    path.write_text(f"{content[:-1]} {SECRET}")
    with pytest.raises(NotebookConflict) as refused_too:
        asyncio.run(LocalFile(path).read())
    assert SECRET not in str(refused_too.value)


def test_what_is_not_there_is_no_problem(tmp_path: Path) -> None:
    check_notebook(tmp_path / "n.ipynb")
    with pytest.raises(BadInput, match="cannot be read"):
        check_notebook(tmp_path)


def test_ids_that_can_stay_stay() -> None:
    ids = valid_ids(["a", "b c", "a", None, "d-_9"])
    assert (ids[0], ids[4], len(set(ids))) == ("a", "d-_9", 5)
    assert all(found.isalnum() for found in ids[1:4])
