"""Rows that a custom method asks for, of which nothing may take long before the organism looks at the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.kernel.client import RemoteOrganism
from tests.host.running import Host
from tests.host.tiny import save_model
from tests.notebook.support import needs_sandbox
from tests.techniques.support import FOLDER

from .suite import Trial, attempt
from .test_methods import loops, said

DEADLINE_S = 4.0


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = save_model("llama", tmp_path_factory.mktemp("model"))
    techniques = (FOLDER / "custom_method.py", FOLDER / "get_model_info.py")
    running = Host(OrganismSpec(name=str(folder), device="cpu", dtype="float32", techniques=techniques), sandbox=True)
    yield running
    running.close()


def asks(organism, *, size):
    site = Site(1, "resid_post")  # noqa: F821
    endless, told = range(size), []

    def read(rows, positions):
        try:
            next(organism.run(rows, Reads(positions=positions)))  # noqa: F821
        except Exception as error:  # noqa: BLE001
            told.append(f"{type(error).__name__}: {error}")
        else:
            told.append("passed")

    def edited(positions):
        return [
            Row((5, 6, 7), edits=(Edit(site, positions, "scale", float(strength)),))  # noqa: F821
            for strength in range(8)
        ]

    read(edited((0,)), endless)
    read(edited(endless), (-1,))
    read(edited(range(-size, size, 3)), (-1,))
    read(edited(range(0, 10**30)), (-1,))
    read(edited((0,) * 200_000), (-1,))
    read([Row((5, 6, 7))] * 2_000, (0,) * 50_000)  # noqa: F821
    return {"text": told}


@needs_sandbox
@attempt("S8", "custom methods", "Positions without end, or by the hundred thousand, hold the organism for everybody")
def test_positions_are_bounded(host: Host, trial: Trial) -> None:
    lease = host.lend()
    organism = RemoteOrganism(lease.connection, deadline_s=60)
    said(organism.method(asks), size=3)  # its process has begun
    organism.deadline_s = DEADLINE_S
    started = time.monotonic()
    told = said(organism.method(asks), size=10**12)
    took = time.monotonic() - started
    started = time.monotonic()
    said(organism.method(loops))
    trial.abuse(lambda seconds: seconds >= DEADLINE_S, took, time.monotonic() - started)
    assert told.count("passed") == 2, told
    assert told.count("BadInput") == 4, told
    host.run(host.process.revoke(lease.ticket))
