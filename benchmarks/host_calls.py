"""What a call of a served organism costs, whether thousands of them make its process grow, what a lens takes.

The host is the real one, in a process of its own, called as a kernel does. The lens is read in a fresh process: what it
takes is the most that the process ever had since a plain pass over the same text, less what it had then, as Linux
counts it (``VmHWM`` after ``clear_refs``). With ``--check`` the exit status is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contest import at_most
from lab.figures import Figure, report

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from interp_bench_ext.contracts import Access  # noqa: E402
from interp_bench_ext.host.bundled import ensure_bundled  # noqa: E402
from interp_bench_ext.host.spec import OrganismSpec  # noqa: E402
from interp_bench_ext.host.terms import Terms  # noqa: E402
from interp_bench_ext.kernel.client import RemoteOrganism  # noqa: E402
from interp_bench_ext.organisms.process import OrganismProcess  # noqa: E402
from interp_bench_ext.organisms.tickets import admitted  # noqa: E402
from scripts.host_environment import work_as_a_host  # noqa: E402

_WARM, _POSITIONS = 1_000, 256
_LARGE_CALLS = 200
_LARGE = """
import numpy as np
from interp_bench_ext.results import MethodValues
_VALUES = np.random.default_rng(0).random((30 * 256, 576), dtype=np.float32)
def large(organism) -> MethodValues:
    '''Give as many numbers as a stream of 30 blocks at 256 positions has: 17.7 MB.

    Access: base
    '''
    return MethodValues(method="large", names=tuple(f"{column}" for column in range(576)), values=_VALUES)
"""


def memory_mib(pid: int | str, name: str) -> float:
    """A line of a process's status: ``VmRSS`` is what it has, ``VmHWM`` the most that it had."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


@contextmanager
def served() -> Iterator[tuple[RemoteOrganism, int]]:
    """The bundled model in a host of its own, with a technique whose result is large, and that process's id."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    folder, asked = str(ensure_bundled("smollm2-135m-instruct").path), ROOT / "techniques" / "get_model_info.py"
    with tempfile.TemporaryDirectory() as own:
        large = Path(own, "large.py")
        large.write_text(_LARGE, "ascii")
        spec = OrganismSpec(name=folder, device="cpu", dtype="float32", techniques=(asked, large))
        process = run(OrganismProcess.start(spec, emit=lambda _event: None, sandbox=False))
    try:
        lease = run(admitted(process, Terms(caller="bench", access=Access.BASE)))
        assert process._process is not None
        yield RemoteOrganism(lease.connection), process._process.pid
    finally:
        run(process.stop())
        loop.call_soon_threadsafe(loop.stop)


def calls(count: int) -> list[Figure]:
    """The median small call and what ``count`` of them add to the process, after the first thousand; a large call."""
    with served() as (organism, pid):
        taken = [_clocked(organism.get_model_info) for _ in range(_WARM)]
        before = memory_mib(pid, "VmRSS")
        taken += [_clocked(organism.get_model_info) for _ in range(count)]
        grown = memory_mib(pid, "VmRSS") - before
        large = [_clocked(organism.large) for _ in range(_LARGE_CALLS)]
    return [
        at_most("a small call, median, ms", 1000 * statistics.median(taken), 1.0),
        at_most("a call that gives 17.7 MB, median, ms", 1000 * statistics.median(large), 6.0),
        at_most(f"what {count:,} calls add to the host's memory, MiB", grown, 8.0),
    ]


def _clocked(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def lens_mib() -> float:
    """What a lens over all layers and positions takes beyond a plain pass over the text, in this process."""
    from plain import forward, lens

    from interp_bench_ext.host.organism import load_organism
    from interp_bench_ext.organisms.locate import locate

    spec = OrganismSpec(name=str(ensure_bundled("smollm2-135m-instruct").path), device="cpu", dtype="float32")
    organism = load_organism(spec, locate(spec), lambda _stage, _done, _total: None)
    ids = tuple(organism.text_ids("The quick brown fox jumps over the lazy dog. " * 60)[:_POSITIONS])
    lens(organism, ids[:8], 5)  # what is set up on first use
    forward(organism._engine.organism.model, ids)
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    before = memory_mib("self", "VmRSS")
    lens(organism, ids, 5)
    return memory_mib("self", "VmHWM") - before


def main() -> int:
    """Print the figures; with ``--check``, 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--lens", action="store_true", help="print what a lens takes in this process, and no more")
    options = parser.parse_args()
    if options.lens:
        work_as_a_host()
        print(lens_mib())
        return 0
    fresh = subprocess.run([sys.executable, __file__, "--lens"], check=True, capture_output=True, text=True)
    figures = [at_most("a lens, MiB beyond a plain pass", float(fresh.stdout.split()[-1]), 100.0)]
    load = os.getloadavg()[0]
    figures += calls(options.calls)
    missed = report(figures, title="calls of an organism's process", load=load)
    return int(options.check and missed)


if __name__ == "__main__":
    sys.exit(main())
