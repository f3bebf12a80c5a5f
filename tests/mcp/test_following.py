from __future__ import annotations

import pytest

from interp_bench_ext.agent.mcp_provider import OutsideProvider
from interp_bench_ext.mcp.following import Follower, headline_of
from interp_bench_ext.record.cell_events import CellFinished, CellOutput, CellStarted, KernelStarted
from interp_bench_ext.record.events import (
    ApprovalAsked,
    Event,
    HypothesisNoted,
    OrganismLoading,
    OrganismReady,
    OrganismWentAway,
    RunEnded,
    RunPaused,
    RunResumed,
    StepStarted,
)
from interp_bench_ext.runs.manager import RunManager

from .recorded import recorded, with_manager


def printed(text: str) -> CellOutput:
    return CellOutput(cell_id="c1", index=0, output={"output_type": "stream", "name": "stdout", "text": text})


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (CellStarted(cell_id="c1"), "c1 runs"),
        (printed("one\n\n  two  \n\n"), "c1: two"),
        (printed("\n \n"), ""),
        (printed("x" * 500), "c1: " + "x" * 200),
        (CellFinished(cell_id="c1", status="ok", execution_count=1, duration_s=1), ""),
        (
            ApprovalAsked(approval="a", tool="run_cell", cell_id="c2", code="1"),
            "c2 waits until the person allows it in JupyterLab's sidebar",
        ),
        (RunPaused(), "the person has paused the run in JupyterLab's sidebar"),
        (OrganismLoading(stage="weights", done=1, total=4), "the organism loads: weights, 25%"),
        (OrganismLoading(stage="weights", done=0, total=0), "the organism loads: weights"),
        (OrganismReady(load_s=1, device="cpu"), "the organism is ready on cpu"),
        (OrganismWentAway(reason="killed.", restarting=True), "the organism was lost: killed."),
        (KernelStarted(veil="process"), "the notebook's kernel has started"),
    ],
)
def test_what_goes_on_is_one_line(event: Event, line: str):
    assert headline_of(event) == line


def last_words(folder, *events: Event) -> tuple[str, bool, Follower]:
    """What a client is told at the end of a run with these events."""
    found = []

    async def work(manager: RunManager) -> None:
        run = recorded(manager, folder / "a.ipynb", *events)
        provider = OutsideProvider("One", attended=True)
        follower = Follower(manager, run, provider)
        await follower.follow()
        assert provider.over
        assert provider.last is not None
        text = provider.last.content[-1]["text"].replace(run, "RUN")
        found.append((text, provider.last.is_error, follower))

    with_manager(folder, work)
    return found[0]


@pytest.mark.parametrize(
    ("events", "said", "failed"),
    [
        ((StepStarted(step=1),), "Run RUN was cut off. resume_run goes on with it.", True),
        (
            (StepStarted(step=1), RunEnded(status="finished", message="")),
            "Run RUN is finished. The person scores it; there is nothing more to do.",
            False,
        ),
        (
            (RunEnded(status="failed", message="no memory."),),
            "Run RUN has not begun (failed: no memory). Once that is put right, resume_run begins it.",
            True,
        ),
        (
            (StepStarted(step=1), RunEnded(status="interrupted", message="stopped")),
            "Run RUN is interrupted: stopped. Nothing of it is lost; if the person wants it to go on, resume_run does"
            " that.",
            False,
        ),
        (
            (StepStarted(step=1), RunEnded(status="finished", message=""), RunResumed()),
            "Run RUN was cut off. resume_run goes on with it.",
            True,
        ),
    ],
)
def test_the_last_thing_told_is_how_the_run_ended(tmp_path, events: tuple[Event, ...], said: str, failed: bool):
    text, is_error, _ = last_words(tmp_path, *events)
    assert (text, is_error) == (said, failed)


def test_it_knows_the_newest_headline_and_what_was_thought(tmp_path):
    noted = HypothesisNoted(claim="It hums.", status="open", evidence=[], effect_size=None, n=None)
    *_, follower = last_words(tmp_path, CellStarted(cell_id="c1"), printed("half"), noted)
    assert follower.headline == "c1: half"
    assert follower.hypotheses == ["- open: It hums. (evidence: none)"]
