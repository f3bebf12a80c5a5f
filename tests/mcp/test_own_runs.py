from __future__ import annotations

import re

import pytest

from interp_bench_ext.errors import BadInput, NotFound
from interp_bench_ext.mcp.own_runs import OwnRuns
from interp_bench_ext.runs.manager import RunManager

from .recorded import ONE, OTHER, recorded, with_manager


def test_a_client_is_told_of_what_it_began_and_of_nothing_else(tmp_path):
    async def work(manager: RunManager) -> None:
        own = OwnRuns(manager, all_runs=False)
        own.note(ONE, "r1")
        assert (own.listed(ONE, "r1"), own.listed(OTHER, "r1"), own.listed(ONE, "r2")) == (True, False, False)
        assert OwnRuns(manager, all_runs=True).listed(OTHER, "r1")

    with_manager(tmp_path, work)


def test_a_run_is_known_again_by_its_id_and_the_clients_name(tmp_path):
    async def work(manager: RunManager) -> None:
        own, run = OwnRuns(manager, all_runs=False), recorded(manager, tmp_path / "a.ipynb", client="One")
        own.check(ONE, run)
        assert not own.listed(ONE, run), "its id is for the client to remember"
        OwnRuns(manager, all_runs=True).check(OTHER, run)

    with_manager(tmp_path, work)


def test_a_run_of_another_is_refused_in_the_words_of_one_that_is_not_there(tmp_path):
    async def work(manager: RunManager) -> None:
        own = OwnRuns(manager, all_runs=False)
        said = set()
        for run in (recorded(manager, tmp_path / "a.ipynb", client="One"), "deadbeef"):
            with pytest.raises(NotFound) as caught:
                own.check(OTHER, run)
            said.add(str(caught.value).replace(run, "RUN"))
        assert len(said) == 1
        assert re.match("there is no run RUN of this client; a person opens all runs", said.pop())
        with pytest.raises(NotFound):
            own.check(ONE, recorded(manager, tmp_path / "b.ipynb", client=None))

    with_manager(tmp_path, work)


def test_a_notebook_is_a_new_one_or_the_clients_alone(tmp_path):
    async def work(manager: RunManager) -> None:
        own = OwnRuns(manager, all_runs=False)
        own.check_notebook(ONE, "new.ipynb")
        (tmp_path / "old.ipynb").touch()
        with pytest.raises(BadInput, match="old.ipynb is there already, and is not this client's: choose a new"):
            own.check_notebook(ONE, "old.ipynb")
        own.note(ONE, recorded(manager, tmp_path / "old.ipynb"))
        own.check_notebook(ONE, "old.ipynb")
        recorded(manager, tmp_path / "old.ipynb", client="Other")
        with pytest.raises(BadInput):
            own.check_notebook(ONE, "old.ipynb")
        OwnRuns(manager, all_runs=True).check_notebook(ONE, "old.ipynb")

    with_manager(tmp_path, work)
