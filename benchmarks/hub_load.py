"""Sixteen people against one organism of a real JupyterHub: errors, fairness, throughput, and what a flood does.

    python benchmarks/hub_load.py --check

Jain's index of what n people get is (sum x)^2 / (n sum x^2): 1 where all get the same (Jain, Chiu and Hawe, A
Quantitative Measure of Fairness, 1984).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.hub.hub import Hub, running  # noqa: E402
from tests.hub.people import Held, call, end, outcome, take  # noqa: E402

PEOPLE = 16
ROUND: dict[str, Any] = {"prompts": "Tell me about your day.", "max_new_tokens": 24, "n": 1}
ALONE_CALLS = 20
MANY = 8
"""Replies of a call, by default: a batch by itself."""
ROWS = 64


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a figure is missed")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long all begin calls at once")
    arguments = parser.parse_args()
    users = tuple(f"person{number:02}" for number in range(PEOPLE))
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "service.yaml")
        settings.write_text("organisms: [amber]\n")
        with running(Hub(folder=Path(folder), settings=settings, users=("root", *users))) as hub:
            tokens = [hub.token_of(user) for user in users]
            held = [take(hub, token, organism="amber") for token in tokens]
            call(hub, held[0].token, **ROUND)  # it is loaded
            missed = together(hub, held, arguments.seconds, at_least=4)
            missed += together(hub, held, arguments.seconds, replies=MANY) + flood(hub, held[0], held[1])
            missed += flood(hub, held[0], held[2], rows=ROWS, over=lambda: end(hub, tokens[2], held[2]))
    return int(bool(missed) and arguments.check)


def together(hub: Hub, held: list[Held], seconds: float, *, replies: int = 1, at_least: float = 0) -> list[str]:
    """Calls of so many replies: one at a time, then all people's at once, which shall be faster by ``at_least``."""
    asked = {**ROUND, "n": replies}
    began = time.monotonic()
    for one in held:
        call(hub, one.token, **asked)
    alone = len(held) / (time.monotonic() - began)
    done, errors = [0] * len(held), []
    began = time.monotonic()

    def work(number: int) -> None:
        while time.monotonic() < began + seconds:
            came = outcome(call(hub, held[number].token, **asked))
            if came != "ok":
                errors.append(came)
            done[number] += 1

    with ThreadPoolExecutor(len(held)) as threads:
        list(threads.map(work, range(len(held))))
    at_once = sum(done) / (time.monotonic() - began)  # the last calls are whole, and so is the time that they took
    jain = sum(done) ** 2 / (len(done) * sum(count**2 for count in done)) if any(done) else 0.0
    return [
        *line(f"errors of 16 people at once, {replies} a call", len(errors), "0", len(errors) == 0),
        *line("Jain's index of their calls", round(jain, 4), "over 0.95", jain > 0.95),
        *line("calls a second, one at a time", round(alone, 2), "", True),
        *line("calls a second, all at once", round(at_once, 2), "", True),
        *line(
            "throughput, times one at a time",
            round(at_once / alone, 2),
            f"at least {at_least:g}" if at_least else "",
            at_once >= at_least * alone,
        ),
    ]


def flood(hub: Hub, light: Held, heavy: Held, *, rows: int = 1, over: Callable[[], None] = lambda: None) -> list[str]:
    """One person's calls of one row, alone and while another floods with calls of ``rows``; ``over`` ends those."""
    quiet = latencies(hub, light)
    stop = threading.Event()

    def flooding() -> None:
        while not stop.is_set():
            call(hub, heavy.token, **{**ROUND, "n": rows})

    with ThreadPoolExecutor(PEOPLE) as threads:
        floods = [threads.submit(flooding) for _ in range(PEOPLE)]
        time.sleep(2)
        beside = latencies(hub, light)
        stop.set()
        over()
        wait(floods)
    times = p95(beside) / p95(quiet)
    what = f"p95 beside a flood of {PEOPLE}" + (f" with {rows} rows each" if rows > 1 else "")
    return [
        *line("p95 alone, seconds", round(p95(quiet), 2), "", True),
        *line(f"{what}, times that", round(times, 2), "below 2", times < 2),
    ]


def latencies(hub: Hub, one: Held) -> list[float]:
    found = []
    for _ in range(ALONE_CALLS):
        began = time.monotonic()
        assert outcome(call(hub, one.token, **ROUND)) == "ok"
        found.append(time.monotonic() - began)
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def line(what: str, value: float, wanted: str, met: bool) -> list[str]:
    """Print it; what was missed comes back."""
    print(f"{what:52} {value:>10}   {wanted:12} {'' if met else 'MISSED'}".rstrip(), flush=True)
    return [] if met else [what]


if __name__ == "__main__":
    sys.exit(main())
