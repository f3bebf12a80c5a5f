"""How long a kernel takes to start in the sandbox, against a plain one: both are started in turn, on the same Python.

From the start of the process to its first answer, as a run waits for it. With ``--check`` the exit status is 1 when the
sandboxed one takes longer than the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from interp_bench_ext.contracts import Veil
from interp_bench_ext.notebook.own_kernels import OwnKernels
from interp_bench_ext.sandbox.bubblewrap import sandbox_available

_LIMIT = 1.5
_WARM_UP = 1


async def start_s(veil: Veil, folder: Path) -> float:
    """Seconds until a fresh kernel has answered."""
    kernels = OwnKernels(veil=veil, work_dir=folder)
    began = time.perf_counter()
    await kernels.start(connection=None, on_death=lambda _: None)
    took = time.perf_counter() - began
    await kernels.close()
    return took


async def measured(rounds: int) -> dict[Veil, list[float]]:
    """Seconds of every start, in the order of the rounds."""
    times: dict[Veil, list[float]] = {Veil.PROCESS: [], Veil.SANDBOXED: []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(_WARM_UP + rounds):
            for veil, seen in times.items():
                seen.append(await start_s(veil, Path(folder)))
    return {veil: seen[_WARM_UP:] for veil, seen in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    problem = sandbox_available()
    if problem is not None:
        print(problem)
        return 1
    times = asyncio.run(measured(options.rounds))
    for veil, seen in times.items():
        print(f"{veil}: median {statistics.median(seen):.3f} s, {min(seen):.3f} to {max(seen):.3f}, n = {len(seen)}")
    ratio = statistics.median(times[Veil.SANDBOXED]) / statistics.median(times[Veil.PROCESS])
    print(f"ratio of medians: {ratio:.2f} (limit {_LIMIT})")
    return int(options.check and ratio > _LIMIT)


if __name__ == "__main__":
    sys.exit(main())
