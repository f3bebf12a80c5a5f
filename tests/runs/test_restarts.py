"""A server that is stopped or killed under its runs, and started again."""

from __future__ import annotations

import psutil
import pytest

from tests.runs.serving import Refused, Server, Stream, serving


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as server:
        yield server


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def start(server: Server) -> tuple[str, Stream, str]:
    """A run that waits for the answer to an approval."""
    run = server.post("runs", config="four", approval="ask")["id"]
    stream = server.stream(run)
    return run, stream, stream.until("approval_asked")["approval"]


def go_on(server: Server, run: str, approval: str, *, why: str) -> None:
    """The run is interrupted, and can be resumed to its end."""
    [summary] = server.get("runs")
    assert (summary["status"], summary["here"], summary["message"]) == ("interrupted", False, why)
    with pytest.raises(Refused, match="resume it first"):
        server.post(f"runs/{run}/approvals", approval=approval, decision="run")
    assert server.post(f"runs/{run}/resume")["here"]
    stream = server.stream(run)
    server.post(f"runs/{run}/approvals", approval=approval, decision="run_all")
    stream.until("run_ended", status="finished")
    stream.close()
    assert stream.numbers() == list(range(1, len(stream.entries) + 1))
    printed = [entry["event"]["output"]["text"] for entry in stream.entries if entry["event"]["type"] == "cell_output"]
    assert printed == ["one\n", "two\n", "three\n", "four\n"]


@pytest.mark.slow
def test_a_run_outlives_a_server_that_is_killed_and_one_that_is_stopped(server):
    run, stream, approval = start(server)
    server.kill()
    stream.close()
    server.restart()
    go_on(server, run, approval, why="")
    server.rest("DELETE", f"runs/{run}")

    run, stream, approval = start(server)
    children = server.children()
    log = server.stop()
    assert stream.closed() == 1001
    assert [child for child in children if alive(child)] == []
    assert "Traceback" not in log
    server.restart()
    go_on(server, run, approval, why="the server was stopped")
