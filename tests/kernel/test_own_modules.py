"""What lies in the work folder is imported by the agent's own code, and by nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.notebook.session import NotebookSession
from tests.notebook.support import BOTH_VEILS, open_session, run, text_of
from tests.redteam.suite import attempt

PLANTED = """
import pathlib, sys
(pathlib.Path(__file__).parent / ("ran_" + __name__)).touch()
from json import *
"""
FORGED = ("ipykernel_launcher", "sitecustomize", "json", "numpy", "interp_bench_ext", "appnope", "numexpr", "orjson")
"""Of Python, of ours, of libraries that are there, and of some that libraries only try to import."""


def ran(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix("ran_") for path in folder.glob("ran_*"))


@attempt(
    "A5", "files", "Modules in the work folder that a later kernel takes for Python's, ours or a library's", veil="any"
)
@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_what_a_run_has_left_runs_in_no_later_kernel(tmp_path: Path, veil: Veil) -> None:
    folder = tmp_path / "n_files"
    folder.mkdir()
    for name in FORGED:
        (folder / f"{name}.py").write_text(PLANTED)

    async def scenario() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=veil) as (session, _):
            done = await run(session, "import json, numpy, pandas, interp_bench_ext, sys; print(numpy.ones(2).sum())")
            assert text_of(done.outputs) == "2.0\n"
            assert ran(folder) == []
            # The search notices one that the agent asks for itself.
            await run(session, "import numexpr")
            assert ran(folder) == ["numexpr"]

    asyncio.run(scenario())


async def _shown(session: NotebookSession, source: str) -> Any:
    done = await run(session, source)
    assert done.status == "ok", done.outputs
    return text_of(done.outputs).split()


@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_cells_import_the_agents_own_files(tmp_path: Path, veil: Veil) -> None:
    helpers = """
import pathlib
pathlib.Path("helper.py").write_text("import other; answer = other.answer")
pathlib.Path("other.py").write_text("answer = 42")
pathlib.Path("package/deep").mkdir(parents=True)
pathlib.Path("package/__init__.py").write_text("")
pathlib.Path("package/part.py").write_text("from .deep.end import word")
pathlib.Path("package/deep/end.py").write_text("word = 'there'")
"""

    async def scenario() -> None:
        async with open_session(tmp_path / "n.ipynb", veil=veil) as (session, _):
            await run(session, helpers)
            assert await _shown(session, "import helper\nprint(helper.answer)") == ["42"]
            assert await _shown(session, "from package.part import word\nprint(word)") == ["there"]
            again = "import importlib, os; os.chdir('/'); print(importlib.import_module('other').answer)"
            assert await _shown(session, again) == ["42"]
            other = "open('/tmp/x.py', 'w').write('import package.part'); import sys; sys.path.append('/tmp')\nimport x"
            assert (await run(session, other)).status == "ok"
            assert await _shown(session, "try: import nowhere\nexcept ImportError: print('none')") == ["none"]

    asyncio.run(scenario())
