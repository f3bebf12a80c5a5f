from __future__ import annotations

import pytest

from interp_bench_ext.record.cell_events import CellFinished, KernelStarted, KernelWentAway
from interp_bench_ext.record.events import OrganismReady, OrganismWentAway
from tests.agent.messages_server import MessagesServer
from tests.investigating import Bench, make_bench, scripted

ORGANISM, KERNEL = "interp_bench_ext.host", "ipykernel_launcher"


@pytest.fixture
def bench(tmp_path):
    with MessagesServer(scripted) as server:
        yield make_bench(tmp_path, server)


def events_of(bench: Bench, kind):
    journal = bench.journal()
    events = [event for event in journal.events(bench.record().id) if isinstance(event, kind)]
    journal.close()
    return events


@pytest.mark.slow
def test_a_killed_kernel_is_replaced_and_the_agent_is_told(bench):
    assert bench.drive(victim=KERNEL, cell="c3").stdout.startswith("finished")
    assert [event.cell_id for event in events_of(bench, CellFinished) if event.status == "kernel_died"] == ["c3"]
    assert len(events_of(bench, KernelWentAway)) == 1
    assert len(events_of(bench, KernelStarted)) == 2


@pytest.mark.slow
def test_a_cell_whose_organism_is_killed_ends_and_the_run_goes_on(bench):
    assert bench.drive(victim=ORGANISM, cell="c3").stdout.startswith("finished")
    lost = events_of(bench, OrganismWentAway)
    assert [event.restarting for event in lost] == [True]
    # A call that was under way is lost; one that comes a moment later waits for the organism to be back.
    [status] = [event.status for event in events_of(bench, CellFinished) if event.cell_id == "c3"]
    assert status in ("error", "ok")


@pytest.mark.slow
@pytest.mark.parametrize("victim", [ORGANISM, KERNEL])
def test_the_playbook_gets_over_what_it_lost(bench, victim):
    text = bench.config.read_text(encoding="utf-8").replace(
        "provider: anthropic, model: claude-opus-5-5", "provider: playbook"
    )
    bench.config.write_text(text.replace("max_steps: 12", "max_steps: 60"), encoding="utf-8")
    assert bench.drive(victim=victim, cell="c7").stdout.startswith("finished")
    statuses = {event.cell_id: event.status for event in events_of(bench, CellFinished)}
    assert statuses["c7"] == "ok"
    assert len(events_of(bench, OrganismReady)) == (2 if victim == ORGANISM else 1)
