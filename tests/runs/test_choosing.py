"""What a person chooses about the agent while a run goes on, in a real server."""

from __future__ import annotations

from contextlib import closing

import pytest

from interp_bench_ext.record.journal import Journal
from interp_bench_ext.runs.start import recorded_public
from tests.runs.serving import Refused, Server, serving

HAIKU = "claude-haiku-4-5"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    rules = "--InterpBenchApp.allowed={'models': ['claude-opus-5-5', '" + HAIKU + "']}"
    with serving(tmp_path_factory.mktemp("server"), rules) as server:
        yield server


def models(server: Server) -> list[str]:
    return [request["model"] for request in server.agent.requests if "max_tokens" in request]


@pytest.mark.slow
def test_model_and_approval_change_in_mid_run(server):
    with server.run("four", approval="ask") as (run, stream):
        asked = stream.until("approval_asked")
        changed = server.post(f"runs/{run}/agent", model=HAIKU, approval="auto")
        assert changed["agent"] == f"anthropic claude-opus-5-5, then {HAIKU}"
        # The same once more is no change.
        server.post(f"runs/{run}/agent", approval="auto")
        before = len(models(server))
        server.post(f"runs/{run}/approvals", approval=asked["approval"], decision="run")
        stream.until("run_ended", status="finished")
    assert stream.types().count("agent_changed") == stream.types().count("approval_asked") == 1
    assert (set(models(server)[:before]), set(models(server)[before:])) == ({"claude-opus-5-5"}, {HAIKU})
    assert f"then {HAIKU}" in server.page(f"runs/{run}/report").text
    with closing(Journal(server.folder / "data" / "interp_bench" / "journal.sqlite")) as journal:
        agent, standing = recorded_public(journal, run).agent, journal.conditions.of(run)
    # A resume and a fork go on with it, and it is compared with no run of one model.
    assert (agent.model, agent.approval) == (HAIKU, "auto")
    assert standing is not None
    assert standing.condition == ""


@pytest.mark.slow
def test_cells_are_asked_about_from_when_a_person_wants_that(server):
    with server.run("four") as (run, stream):
        server.post(f"runs/{run}/pause")
        server.post(f"runs/{run}/agent", approval="ask")
        server.post(f"runs/{run}/unpause")
        asked = stream.until("approval_asked")
        server.post(f"runs/{run}/approvals", approval=asked["approval"], decision="run_all")
        stream.until("cell_finished", cell_id="c3")
        stream.until("run_ended", status="finished")
    assert stream.types().count("approval_asked") == 1


@pytest.mark.slow
def test_what_the_agent_of_a_run_cannot_have_is_said(server):
    with server.run("slow") as (run, _):
        with pytest.raises(Refused, match="does not allow the model claude-opus-5 here"):
            server.post(f"runs/{run}/agent", model="claude-opus-5")
        with pytest.raises(Refused, match="what claude-nobody costs is not known|does not allow the model"):
            server.post(f"runs/{run}/agent", model="claude-nobody")
    with server.run("four", provider="playbook") as (run, _):
        server.post(f"runs/{run}/pause")
        with pytest.raises(Refused, match="the agent of this run is playbook"):
            server.post(f"runs/{run}/agent", model=HAIKU)
        server.post(f"runs/{run}/stop")
        with pytest.raises(Refused, match="nobody drives it"):
            server.post(f"runs/{run}/agent", approval="ask")
