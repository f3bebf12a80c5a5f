"""A sweep of a tiny organism, in which one cell meets an error that nobody foresaw."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.bench.drive import Result, Sweep
from interp_bench_ext.bench.plan import Cell, plan
from interp_bench_ext.bench.table import tables
from interp_bench_ext.config import load_config
from interp_bench_ext.models.key import Key
from interp_bench_ext.record.cell_events import CellStarted
from interp_bench_ext.record.events import Event, RunEnded
from interp_bench_ext.runs import Services
from tests.agent.messages_server import MessagesServer
from tests.investigating import make_bench, scripted


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with MessagesServer(scripted) as running:
        yield running


@pytest.mark.slow
def test_one_cells_internal_error_costs_one_cell(tmp_path: Path, server: MessagesServer) -> None:
    config = make_bench(tmp_path, server).config
    text = config.read_text("utf-8").replace("agent: {", f"agent: {{base_url: '{server.url}', ")
    config.write_text(text, encoding="utf-8")
    file, key = tmp_path / "data" / "journal.sqlite", Key(api_key="sk-test-marker")
    services = Services.open(journal=file, key=key, at_most=2)
    journal = services.journal
    cells = plan([load_config(config)], runs=2, journal=journal, key=key)

    def listener(cell: Cell, event: Event) -> None:
        if cell is cells[0] and isinstance(event, CellStarted):
            raise RuntimeError("of a kind that nobody foresaw")

    heard: list[Result] = []
    sweep = Sweep(services, out=tmp_path / "out", at_once=2, listener=listener)
    broken, whole = asyncio.run(services.carry(sweep.run(cells, resume=False, on_result=heard.append)))
    assert broken.outcome is None
    assert broken.problem == "an internal error ended it (RuntimeError)"
    assert whole.outcome is not None
    assert whole.outcome.score is not None
    assert whole.outcome.score.named
    assert {id(one) for one in heard} == {id(broken), id(whole)}
    ends = [journal.last(record.id, RunEnded) for record in journal.runs()]
    assert sorted(end.status for end in ends if end) == ["failed", "finished"]

    [table] = tables([broken, whole], journal)
    assert (table.condition, table.agent) == (cells[0].condition, "anthropic claude-opus-5-5")
    assert [(row.config, row.cells, row.finished) for row in table.rows] == [("tiny", 2, 1)]
    secrets = table.comparison.secrets
    assert (secrets.k, secrets.runs, secrets.organisms, secrets.method) == (1, 1, 1, "Wilson, runs of one organism")

    revisions = whole.outcome.revisions
    assert [(one.part, one.kind) for one in revisions] == [("model", "local files")]
    assert whole.outcome.served_models == {"claude-opus-5-5": 5}
    said = "".join(body for record in journal.runs() for _, body in journal.raw_entries(record.id))
    assert whole.outcome.weights in said
    assert revisions[0].revision not in said
    journal.close()
