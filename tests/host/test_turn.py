from __future__ import annotations

import threading
import time

import pytest

from interp_bench_ext.host.shares import Payer
from interp_bench_ext.host.turn import Turn

ALICE, BOB = Payer("alice"), Payer("bob")


class Line:
    """Threads that wait for a turn, one after another, and write down when they have it."""

    def __init__(self) -> None:
        self.turn, self.order = Turn(), []
        self.threads: list[threading.Thread] = []
        self.turn.take()

    def wait(self, name: str, payer: Payer, *, works_s: float) -> None:
        def work() -> None:
            with self.turn.held(lambda: (payer.user,)):
                self.order.append(name)
                self.turn.shares.charge(payer, works_s)

        before = len(self.turn._line)
        self.turn.shares.enter(payer)
        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()
        until = time.monotonic() + 10
        while len(self.turn._line) == before:
            assert time.monotonic() < until

    def serve(self) -> list[str]:
        self.turn.give_back()
        for thread in self.threads:
            thread.join(timeout=10)
        return self.order


def test_the_next_turn_is_of_the_one_who_had_least_and_among_equals_of_the_first() -> None:
    line = Line()
    for number in range(3):
        line.wait(f"bob {number}", BOB, works_s=64)
    for number in range(3):
        line.wait(f"alice {number}", ALICE, works_s=1)
    assert line.serve() == ["bob 0", "alice 0", "alice 1", "alice 2", "bob 1", "bob 2"]


def test_long_turns_of_one_and_short_ones_of_another_come_to_the_same_time() -> None:
    line = Line()
    for number in range(6):
        line.wait("long", BOB, works_s=8)
        for _ in range(8 if number < 3 else 0):
            line.wait("short", ALICE, works_s=1)
    order = line.serve()
    in_between = order[: order.index("long", order.index("long") + 1)]
    assert in_between.count("short") == pytest.approx(8, abs=1)
