from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from interp_bench_ext.hub.fair_queue import FairQueue


def unheard(place: int, total: int) -> None:
    pass


class Server:
    """Work by hand: a call ends when it is told to, so that nothing depends on the clock."""

    def __init__(self, slots: int, *, each: int = 1000) -> None:
        self.clock = 0.0
        self.queue = FairQueue(slots, each=each, now=lambda: self.clock)
        self.running: list[tuple[str, asyncio.Event]] = []
        self.order: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def call(self, user: str, cost: float = 1.0, weight: float = 1.0, heard=unheard) -> asyncio.Task[None]:
        async def made() -> None:
            async with self.queue.turn(user, weight=weight, heard=heard) as turn:
                self.order.append(user)
                done = asyncio.Event()
                self.running.append((user, done))
                await done.wait()
                self.queue.charge(turn, cost)

        task = asyncio.ensure_future(made())
        self.tasks.add(task)
        return task

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def serve(self, n: int) -> None:
        for _ in range(n):
            await self.settle()
            self.running.pop(0)[1].set()
        await self.settle()

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def run(test) -> None:
    asyncio.run(test())


def test_a_flood_of_one_leaves_the_other_every_second_turn() -> None:
    async def test() -> None:
        server = Server(slots=1)
        for _ in range(40):
            server.call("mallory")
        await server.serve(10)
        for _ in range(10):
            server.call("alice")
        await server.serve(20)
        since = server.order[11:31]
        assert since.count("alice") == pytest.approx(10, abs=1)
        await server.end()

    run(test)


def test_whoever_was_away_has_saved_up_nothing() -> None:
    async def test() -> None:
        server = Server(slots=1)
        for _ in range(60):
            server.call("busy", cost=5)
        await server.serve(30)
        for _ in range(30):
            server.call("late", cost=5)
        await server.serve(20)
        assert server.order[31:51].count("late") == pytest.approx(10, abs=1)
        await server.end()

    run(test)


def test_shares_are_of_work_and_not_of_calls() -> None:
    async def test() -> None:
        server = Server(slots=1)
        for _ in range(100):
            server.call("long", cost=4.0)
            server.call("short", cost=1.0)
        await server.serve(50)
        assert server.order.count("short") / server.order.count("long") == pytest.approx(4, rel=0.15)
        await server.end()

    run(test)


def test_weights_are_shares() -> None:
    async def test() -> None:
        server = Server(slots=1)
        for _ in range(90):
            server.call("staff", weight=3.0)
            server.call("student", weight=1.0)
        await server.serve(80)
        assert server.order.count("staff") / server.order.count("student") == pytest.approx(3, rel=0.15)
        await server.end()

    run(test)


def test_it_is_work_conserving_and_the_last_slot_is_for_a_newcomer() -> None:
    async def test() -> None:
        server = Server(slots=4)
        for _ in range(10):
            server.call("alone")
        await server.settle()
        assert server.order == ["alone"] * 3
        server.call("newcomer")
        await server.settle()
        assert server.order[-1] == "newcomer"  # at once, although ten were there before
        await server.serve(11)
        assert len(server.order) == 11
        await server.end()

    run(test)


def test_a_flood_has_a_few_slots_beside_others_and_nearly_all_of_them_alone() -> None:
    async def test() -> None:
        server = Server(slots=8, each=2)
        for _ in range(40):
            server.call("flood")
        await server.settle()
        assert server.queue.counts()["flood"] == (7, 33)  # nobody else is there
        server.call("light")
        await server.settle()
        assert server.order[-1] == "light"
        await server.serve(7)  # all of the flood's that were in
        assert server.queue.counts() == {"flood": (2, 31), "light": (1, 0)}
        await server.serve(1)  # the light one's
        assert server.queue.counts() == {"flood": (2, 31)}  # who may come back at any moment
        server.clock += 301
        await server.serve(1)
        assert server.queue.counts() == {"flood": (7, 25)}
        await server.end()

    run(test)


def test_slots_beside_others_are_by_weight() -> None:
    async def test() -> None:
        server = Server(slots=16, each=2)
        for _ in range(10):
            server.call("staff", weight=2.5)
            server.call("student", weight=0.5)
        await server.settle()
        counts = server.queue.counts()
        await server.serve(3)
        assert server.queue.counts()["staff"][0] == 5
        assert server.queue.counts()["student"][0] == 1
        assert counts["staff"][0] >= 5
        await server.end()

    run(test)


def test_one_who_waits_hears_their_place_and_a_cancelled_call_gives_its_place_up() -> None:
    async def test() -> None:
        server = Server(slots=1)
        places: list[tuple[int, int]] = []
        server.call("bob")
        second = server.call("bob")
        server.call("bob")
        await server.settle()
        server.call("alice", heard=lambda place, total: places.append((place, total)))
        await server.settle()
        assert places[-1] == (1, 3)  # before bob's two: nothing was done for alice yet
        second.cancel()
        await server.settle()
        assert places[-1] == (1, 2)
        await server.serve(1)
        assert server.order == ["bob", "alice"]
        await server.end()

    run(test)


def test_a_call_that_is_cancelled_as_its_turn_comes_blocks_nobody() -> None:
    async def test() -> None:
        server = Server(slots=1)
        first = server.call("bob")
        await server.settle()
        cancelled = server.call("alice")
        await server.settle()
        server.running.pop(0)[1].set()
        await first
        cancelled.cancel()
        server.call("carol")
        await server.settle()
        assert "carol" in server.order
        assert server.queue.counts() == {"carol": (1, 0)}
        await server.end()

    run(test)
