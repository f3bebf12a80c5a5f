"""A notebook that is deleted under its run."""

from __future__ import annotations

import pytest

from tests.investigating import cell_ids
from tests.runs.serving import serving


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as server:
        yield server


@pytest.mark.slow
def test_a_run_whose_notebook_is_gone_says_so_and_goes_on_when_it_is_resumed(server):
    """With the playbook, which goes by everything that it was ever told."""
    with server.run("four", provider="playbook", notebook="four.ipynb") as (run, stream):
        stream.until("cell_finished", cell_id="c4")
        server.rest("DELETE", "../../api/contents/four.ipynb")
        ended = stream.until("run_ended")
        assert ended["status"] == "failed"
        assert "four.ipynb was deleted or moved away; put it back, or resume the run" in ended["message"]
        assert server.get(f"runs/{run}")["message"] == ended["message"]
        seen = len(stream.entries)
        added = [event["cell_id"] for event in events(stream, "cell_added")]
        server.post(f"runs/{run}/resume")
        while not any(entry["event"]["type"] == "agent_replied" for entry in stream.entries[seen:]):
            stream.read()
        stream.until("cell_finished", cell_id=f"c{int(added[-1][1:]) + 1}", status="ok")
        server.post(f"runs/{run}/stop")
        assert cell_ids(server.notebook("four.ipynb"), run)[: len(added)] == added
        assert len([event for event in events(stream, "run_ended") if event["status"] == "failed"]) == 1


def events(stream, kind):
    return [entry["event"] for entry in stream.entries if entry["event"]["type"] == kind]
