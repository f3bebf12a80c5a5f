"""What a pause holds: the agent, and the code that it has left running."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redteam.suite import attempt
from tests.runs.serving import Server, serving

LONG_S = 1.5
"""Many times what a call of the tiny organism takes."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.mark.slow
def test_a_run_can_be_paused_and_told_things_from_its_first_moment(server):
    with server.run("four") as (run, stream):
        assert server.post(f"runs/{run}/pause")["waiting"] == "paused"
        stream.until("cell_finished", cell_id="setup")
        server.post(f"runs/{run}/messages", text="Look at the bees.")
        assert server.post(f"runs/{run}/unpause")["waiting"] is None
        stream.until("run_ended", status="finished")
    types = stream.types()
    assert types.index("run_paused") < types.index("kernel_started")
    assert types.index("message_sent") < types.index("run_unpaused") < types.index("step_started")
    assert any("Look at the bees." in json.dumps(request["messages"]) for request in server.agent.requests)


def calls_within(asked: Path, seconds: float) -> int:
    before = asked.stat().st_size
    time.sleep(seconds)
    return asked.stat().st_size - before


@pytest.mark.slow
@attempt("H9", "resources", "Code that a paused run has left running goes on asking the organism", veil="any")
def test_a_paused_run_s_code_begins_no_call_until_it_goes_on(server: Server) -> None:
    with server.run("asks", notebook="asks.ipynb") as (run, stream):
        stream.until("cell_output")
        asked = server.root / "asks_files" / "asked"
        while not asked.exists():
            stream.read()
        assert calls_within(asked, LONG_S) > 2
        server.post(f"runs/{run}/pause")
        # The one that the model works on ends.
        assert calls_within(asked, LONG_S) <= 1
        assert calls_within(asked, LONG_S) == 0
        minutes = server.get(f"runs/{run}/figures")["minutes"]
        assert server.get(f"runs/{run}/figures")["minutes"] == minutes
        server.post(f"runs/{run}/unpause")
        assert calls_within(asked, LONG_S) > 2
        (asked.parent / "enough").touch()
        stream.until("run_ended", status="finished")
