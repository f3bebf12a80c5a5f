"""What Modal's client, the relay and the container's service add to a call, the network aside.

The real client and the real container entry point, against a control plane on this machine; the same organism, a tiny
one, is served by the local host in the same run. With ``--check`` the exit status is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["MODAL_CONFIG_PATH"] = os.devnull

import numpy as np  # noqa: E402
from lab.figures import Figure, described, percentile, report  # noqa: E402

from interp_bench_ext.contracts import Access  # noqa: E402
from interp_bench_ext.host.spec import ModalSettings, OrganismSpec  # noqa: E402
from interp_bench_ext.host.terms import Terms  # noqa: E402
from interp_bench_ext.kernel.wire import Wire  # noqa: E402
from interp_bench_ext.organisms.placement import start_organism  # noqa: E402
from interp_bench_ext.organisms.tickets import Lease, lent  # noqa: E402
from interp_bench_ext.record.cell_events import CellFinished  # noqa: E402
from interp_bench_ext.record.events import Event  # noqa: E402
from tests.agent.messages_server import MessagesServer  # noqa: E402
from tests.host.tiny import save_model  # noqa: E402
from tests.investigating import Bench, make_bench, scripted  # noqa: E402
from tests.organisms.places.modal import probes  # noqa: E402
from tests.organisms.places.modal.running import RunningPlane  # noqa: E402

_CALLS, _ARRAYS, _STARTS = 200, 15, 5
_MEGABYTES = 17.8
"""As the residual stream of 30 layers, 256 tokens and 576 numbers in float32."""
_TIMES_PLAIN = 35
"""About 130 ms on a machine whose sockets take 3.5 ms: both are bound by the processor, and neither by a network."""
_SENDER = """
import socket, sys
array, out = bytes(int(sys.argv[1])), socket.socket(fileno=0)
while out.recv(1):
    out.sendall(array)
"""
_CALLER = """
import json, sys, time
from interp_bench_ext.contracts import Connection
from interp_bench_ext.kernel.wire import Wire

url, token, technique, arguments, count = sys.argv[1:]
wire, times = Wire(Connection(url, token)), []
for number in range(int(count) + 2):
    began = time.perf_counter()
    wire.call(technique, json.loads(arguments), 60)
    times.append(time.perf_counter() - began)
print(json.dumps(times[2:]))
"""


@contextmanager
def plane(folder: Path) -> Iterator[RunningPlane]:
    running = RunningPlane(folder)
    os.environ.update(running.environment)
    try:
        yield running
    finally:
        running.stop()


@asynccontextmanager
async def served(spec: OrganismSpec) -> AsyncIterator[Lease]:
    organism = await start_organism(spec, emit=_unheard)
    try:
        async with lent(organism, Terms(caller="benchmark", access=Access.BASE)) as lease:
            yield lease
    finally:
        await organism.stop()


def _unheard(event: Event) -> None:
    pass


async def timed(organism: Lease, technique: str, arguments: dict[str, Any], count: int) -> list[float]:
    """Seconds of each of ``count`` calls from another process, as a kernel is, after two that warm up."""
    connection = organism.connection
    told = [connection.url, connection.token, technique, json.dumps(arguments), str(count)]
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", _CALLER, *told, stdout=asyncio.subprocess.PIPE)
    said, _ = await caller.communicate()
    times: list[float] = json.loads(said)
    return times


def plain() -> list[float]:
    """Seconds that another process takes to send so much through a socket, into memory that is new each time."""
    size, ours, theirs, times = round(_MEGABYTES * 1e6), *socket.socketpair(), list[float]()
    with ours, subprocess.Popen([sys.executable, "-c", _SENDER, str(size)], stdin=theirs.fileno()):
        theirs.close()
        for _ in range(2 + _ARRAYS):
            began = time.perf_counter()
            ours.send(b"!")
            array, read = np.empty(size, np.uint8).data, 0
            while read < size:
                read += ours.recv_into(array[read:])
            times.append(time.perf_counter() - began)
        ours.shutdown(socket.SHUT_RDWR)
    return times[2:]


async def calls(spec: OrganismSpec) -> tuple[list[float], list[float]]:
    """Seconds of small calls and of large arrays."""
    async with served(spec) as organism:
        small = await timed(organism, "slow", {"seconds": 0}, _CALLS)
        large = await timed(organism, "array", {"megabytes": _MEGABYTES + 0.1}, _ARRAYS)
    return small, large


async def first_answer(spec: OrganismSpec) -> float:
    """Seconds from the start of a use to the first answer."""
    began = time.perf_counter()
    async with served(spec) as organism:
        await asyncio.to_thread(Wire(organism.connection).call, "slow", {"seconds": 0}, 60)
        return time.perf_counter() - began


def first_cells(folder: Path, running: RunningPlane) -> list[float]:
    """Seconds from each `interp-bench run` of a deployed organism to the end of the first cell that asked it."""
    folder.mkdir()
    with MessagesServer(scripted) as server:
        bench = make_bench(folder, server)
        config = bench.config.read_text(encoding="utf-8").replace("execution_mode: local", "execution_mode: modal")
        bench.config.write_text(config, encoding="utf-8")
        bench.environment.update(running.environment)
        times = [_first_cell(bench) for _ in range(1 + _STARTS)]
    return times[1:]


def _first_cell(bench: Bench) -> float:
    began = time.time()
    bench.command("run", str(bench.config), "--out", str(bench.out), "--json")
    record = bench.record()
    journal = bench.journal()
    entries = list(journal.entries(record.id))
    journal.close()
    asked = (one for one in entries if isinstance(one.event, CellFinished) and one.event.cell_id != "setup")
    return next(asked).at - began


async def figures(spec: OrganismSpec, running: RunningPlane) -> list[Figure]:
    local_small, local_large = await calls(replace(spec, place="local", modal=None))
    small, large = await calls(spec)
    loads = running.count("containers started")
    starts = [await first_answer(spec) for _ in range(_STARTS)]
    loaded_again = running.count("containers started") - loads
    cells = await asyncio.to_thread(first_cells, Path(spec.name).parent / "runs", running)
    added_ms = (percentile(small, 0.5) - percentile(local_small, 0.5)) * 1e3
    speed, local_speed, plain_speed = (_MEGABYTES / percentile(each, 0.5) for each in (large, local_large, plain()))
    return [
        Figure(
            name="small call, p50, over the local host's",
            seen=added_ms,
            unit="ms",
            limit=25,
            detail=f"{percentile(local_small, 0.5) * 1e3:.1f} ms there; {described([one * 1e3 for one in small])}",
        ),
        Figure(
            name="17 MB array, times a plain socket's time",
            seen=plain_speed / speed,
            unit="",
            limit=_TIMES_PLAIN,
            detail=f"{speed:.0f} MB/s, p50 of {len(large)}; {plain_speed:.0f} plain, {local_speed:.0f} local host's",
        ),
        Figure(
            name="warm: from the start to the first answer",
            seen=max(starts),
            unit="s",
            limit=3,
            detail=f"worst of {len(starts)}, p50 {percentile(starts, 0.5):.2f} s",
        ),
        Figure(
            name="warm: from `interp-bench run` to the first cell's end",
            seen=percentile(cells, 0.5),
            unit="s",
            limit=3,
            detail=f"p50 of {len(cells)}, worst {max(cells):.2f} s, kernel and agent's reply included",
        ),
        Figure(
            name="warm: models loaded again",
            seen=loaded_again,
            unit="",
            limit=0,
            detail=f"over {len(starts)} starts",
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "techniques").mkdir()
        files = probes.write(folder / "techniques")
        model = save_model("llama", folder / "model")
        spec = OrganismSpec(name=str(model), device="cpu", techniques=files, place="modal", modal=ModalSettings())
        with plane(folder / "plane") as running:
            found = asyncio.run(figures(spec, running))
    missed = report(found, title="Organisms on Modal, network aside", load=load)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
