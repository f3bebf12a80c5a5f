"""What many callers of one organism get together, beside what one gets alone: tokens a second, by the clock.

Each has a prompt of its own, and all write as much. With ``--check`` the exit status is 1 when the figure is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from interp_bench_ext.contracts import Row
from interp_bench_ext.host.bundled import ensure_bundled
from interp_bench_ext.host.organism import load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate

_CALLERS, _OF_ONE = 16, 5.0


def main() -> int:
    """Print the figures; with ``--check``, 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=24, help="of each reply")
    options = parser.parse_args()
    spec = OrganismSpec(name=str(ensure_bundled("smollm2-135m-instruct").path), device="cpu", dtype="float32")
    organism = load_organism(spec, locate(spec), lambda _stage, _done, _total: None)
    organism._engine.stop_ids = frozenset()  # so that all write as much
    asked = [f"Tell me about the number {number}." for number in range(_CALLERS)]
    rows = [Row(tuple(organism.chat_ids([{"role": "user", "content": text}]))) for text in asked]

    def one(row: Row) -> None:
        organism.generate([row], max_new_tokens=options.tokens, temperature=0.0)

    def together() -> None:
        with ThreadPoolExecutor(_CALLERS) as threads:
            list(threads.map(one, rows))

    pairs = [(_clocked(lambda: one(rows[0])), _clocked(together)) for _ in range(options.rounds + 1)]
    alone_s, together_s = (statistics.median(times) for times in zip(*pairs[1:], strict=True))  # the first warms up
    alone, at_once = options.tokens / alone_s, _CALLERS * options.tokens / together_s
    held = at_once >= _OF_ONE * alone
    print(f"one caller {alone:.1f} tokens a second, {_CALLERS} at once {at_once:.1f}; load {os.getloadavg()[0]:.1f}")
    print(f"{at_once / alone:.1f} times, at least {_OF_ONE:.0f} {'' if held else 'MISSED'}".rstrip())
    return int(options.check and not held)


def _clocked(work: Callable[[], Any]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


if __name__ == "__main__":
    sys.exit(main())
