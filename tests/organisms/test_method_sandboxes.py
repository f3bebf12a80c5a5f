"""Custom methods from a cell's function to their result, in real sandboxes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import AccessDenied, DeadlineExceeded, InterpBenchError, NotNow, TechniqueFailed
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.kernel.client import RemoteOrganism
from tests.host.conftest import model_folders
from tests.host.running import Host
from tests.host.tiny import HIDDEN
from tests.notebook.support import needs_sandbox
from tests.techniques.support import FOLDER

__all__ = ["model_folders"]
FILES = (FOLDER / "custom_method.py", FOLDER / "get_model_info.py")


def spec_of(folder: Path) -> OrganismSpec:
    return OrganismSpec(name=str(folder), hidden_system_prompt=HIDDEN, device="cpu", techniques=FILES)


@pytest.fixture(scope="module")
def host(model_folders: dict[str, Path]) -> Iterator[Host]:
    running = Host(spec_of(model_folders["llama"]), sandbox=True)
    yield running
    running.close()


def workers() -> list[psutil.Process]:
    """The processes of this test's methods: bubblewrap's child that is no other."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ends meanwhile runs no method
            found += [process] if "interp_bench_ext.methods" in process.cmdline() else []
    return found


def counts(organism, *, step=1):
    organism.state["n"] = organism.state.get("n", 0) + step
    rows = [Row(tuple(organism.text_ids("a b c")))]  # noqa: F821
    (batch,) = organism.run(rows, Reads(positions=(-1,)))  # noqa: F821
    return {"n": [organism.state["n"]], "logits": [batch.logits.shape[-1]]}


def loops(organism):
    while True:
        pass


@needs_sandbox
def test_a_method_keeps_its_state_until_the_ticket_ends(host: Host) -> None:
    lease = host.lend()
    organism = RemoteOrganism(lease.connection)
    counted = organism.method(counts)
    assert counted().values[0, 0] == 1
    assert counted(step=2).values[0].tolist() == [3, organism.get_model_info().vocabulary]
    assert workers()
    host.run(host.process.revoke(lease.ticket))
    give_up = time.monotonic() + 20
    while workers() and time.monotonic() < give_up:
        psutil.wait_procs(workers(), timeout=1)
    assert not workers()


@needs_sandbox
def test_a_method_that_does_not_end_is_ended_and_the_next_call_begins_anew(host: Host) -> None:
    organism = RemoteOrganism(host.connection)
    counted = organism.method(counts)
    counted()
    organism.deadline_s = 1.0
    with pytest.raises(DeadlineExceeded):
        organism.method(loops)()
    organism.deadline_s = 60.0
    assert counted().values[0, 0] == 1


@needs_sandbox
def test_failures_are_the_method_s_own_lines(host: Host) -> None:
    organism = RemoteOrganism(host.connection)

    def wrong(organism, *, at):
        return [1, 2][at]

    with pytest.raises(TechniqueFailed, match=r"^line 2, in wrong: return \[1, 2\]\[at\]\nIndexError") as failed:
        organism.method(wrong)(7)
    assert "File" not in str(failed.value)


@needs_sandbox
def test_it_needs_access_to_weights(host: Host) -> None:
    lent = host.lend(access=Access.ACTIVATIONS)
    organism = RemoteOrganism(lent.connection)
    with pytest.raises(InterpBenchError, match="no technique 'custom_method'"):
        organism.method(counts)()
    organism._specs = RemoteOrganism(host.connection)._known()
    with pytest.raises(AccessDenied, match="custom_method needs access to weights"):
        organism.method(counts)()


@pytest.mark.slow
def test_without_a_sandbox_it_is_refused_with_the_reason(model_folders: dict[str, Path]) -> None:
    running = Host(spec_of(model_folders["llama"]), sandbox=False)
    try:
        with pytest.raises(NotNow, match="there is none where this organism runs"):
            RemoteOrganism(running.connection).method(counts)()
    finally:
        running.close()
