"""Forks through a server: of a run that goes on, and of one that has ended."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.serving import Refused, Server, serving


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as server:
        yield server


def finished(server: Server, run: str) -> list[dict[str, Any]]:
    """The run's events when it has finished."""
    stream = server.stream(run)
    stream.until("run_ended", status="finished")
    stream.close()
    return [entry["event"] for entry in stream.entries]


def printed(events: list[dict[str, Any]]) -> list[str]:
    return [event["output"]["text"].strip() for event in events if event["type"] == "cell_output"]


@pytest.mark.slow
def test_a_run_is_forked_while_it_waits_and_knows_nothing_of_it(server):
    with server.run("four", approval="ask", notebook="four.ipynb") as (run, stream):
        stream.until("approval_asked", cell_id="c3")
        server.post(f"runs/{run}/approvals", approval="t0", decision="run")
        stream.until("approval_asked", cell_id="c4")
        before = len(stream.entries)

        fork = server.post(f"runs/{run}/fork", message="Skip the second.", approval="auto", max_steps=9)
        [steps] = [meter for meter in fork["figures"]["meters"] if meter["field"] == "max_steps"]
        assert (fork["forked_from"], fork["status"], steps["limit"]) == (run, "running", 9)
        assert fork["notebook"] not in (None, "four.ipynb")
        events = finished(server, fork["id"])
        assert printed(events) == ["one", "two", "three", "four"]
        [forked] = [event for event in events if event["type"] == "run_forked"]
        assert forked == {"type": "run_forked", "parent": run, "cell_id": "c3"}
        assert [event["text"] for event in events if event["type"] == "message_sent"] == ["Skip the second."]

        assert server.get(f"runs/{run}")["waiting"] == "approval"
        assert len(server.get(f"runs/{run}/events")) == before
        assert "print('two')" not in str(server.notebook("four.ipynb"))

    with pytest.raises(Refused, match="no cell 'c99' that has ended"):
        server.post(f"runs/{run}/fork", at="c99")
    with pytest.raises(Refused, match="is there already"):
        server.post(f"runs/{run}/fork", notebook="four.ipynb")
    again = server.post(f"runs/{fork['id']}/fork", at="c5", notebook="again.ipynb")
    server.rest("DELETE", f"runs/{run}")
    assert printed(finished(server, again["id"])) == ["one", "two", "three", "four"]
    server.rest("DELETE", f"runs/{fork['id']}")
    cells = [cell["id"] for cell in server.notebook(fork["notebook"])["cells"]]
    assert cells == ["intro", "setup", "c3", "c4", "c5", "c6", f"end-{fork['id']}"]
    by_id = {summary["id"]: summary["forked_from"] for summary in server.get("runs")}
    assert by_id == {again["id"]: fork["id"]}
