"""Two runs on one organism: what one has it do is neither paid by the other nor evidence for it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interp_bench_ext.agent.validity import missing
from interp_bench_ext.contracts import Access, Veil
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.host.terms import Terms
from interp_bench_ext.notebook.opening import SETUP
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.organisms.pool import OrganismPool
from interp_bench_ext.record.cell_events import CellFinished
from interp_bench_ext.record.cells import Cells
from interp_bench_ext.record.events import Finding
from tests.host.tiny import save_model
from tests.redteam.suite import attempt

SAMPLE = Path(__file__).parents[2] / "techniques" / "sample.py"


class RunOf:
    """A run's notebook and its events, with a lease of its own."""

    def __init__(self) -> None:
        self.cells, self.events = Cells(), []

    def emit(self, event) -> None:
        self.events.append(event)
        self.cells.apply(event)

    @asynccontextmanager
    async def on(self, pool: OrganismPool, spec: OrganismSpec, notebook: Path):
        async with pool.lease(
            spec, lambda event: None, Terms(caller=notebook.stem, access=Access.BASE), config="x"
        ) as lease:
            self.notebook = await NotebookSession.open(
                notebook, emit=self.emit, connection=lease.connection, veil=Veil.PROCESS
            )
            self.notebook.measure(lease.used)
            try:
                yield self
            finally:
                await self.notebook.close()

    async def runs(self, source: str, cell: str) -> CellFinished:
        await self.notebook.add_code(source, cell_id=cell)
        await self.notebook.run_cell(cell, timeout_s=60)
        return self.events[-1]

    def lacks(self, cell: str) -> list[str]:
        finding = Finding(claim="It adores the quokka.", evidence=[cell], control=[cell])
        return missing([finding], cells=self.cells, present=[cell])


@pytest.fixture
def spec(tmp_path: Path) -> OrganismSpec:
    return OrganismSpec(name=str(save_model("llama", tmp_path / "model")), device="cpu", techniques=(SAMPLE,))


@attempt(
    "I3",
    "evidence",
    "A cell that asks nothing passes another run's calls off as its own",
    veil="any",
)
def test_a_call_of_another_run_is_not_paid_for_and_is_no_evidence(spec: OrganismSpec, tmp_path: Path) -> None:
    waits = f"from pathlib import Path\nwhile not Path({str(tmp_path / 'go')!r}).exists(): pass"
    asks = f"{SETUP}\norganism.sample(['a', 'b'], n=2, max_new_tokens=8)\nopen({str(tmp_path / 'go')!r}, 'w').close()"

    async def main() -> None:
        pool = OrganismPool(idle_s=60, at_most=1)
        try:
            one, other = RunOf(), RunOf()
            async with one.on(pool, spec, tmp_path / "1.ipynb"), other.on(pool, spec, tmp_path / "2.ipynb"):
                idle, asked = await asyncio.gather(one.runs(waits, "c1"), other.runs(asks, "c1"))
                assert (idle.status, asked.status) == ("ok", "ok")
                assert asked.duration_s < idle.duration_s + 1  # it lay within the other's
                assert idle.organism_s == 0
                assert asked.organism_s > 0
                assert any("No cell has asked the organism anything" in said for said in one.lacks("c1"))
                assert other.lacks("c1") == []
        finally:
            await pool.close()

    asyncio.run(main())
