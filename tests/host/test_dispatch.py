from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.contracts import Access, TechniqueSpec
from interp_bench_ext.errors import CallCancelled, InterpBenchError
from interp_bench_ext.host.dispatch import Call, Dispatcher
from interp_bench_ext.host.technique_files import Technique
from interp_bench_ext.results import ModelInfo
from tests.host.tiny import load_tiny


class Bench:
    """A dispatcher whose one technique waits at a gate and writes down the order in which it ran."""

    def __init__(self, folder: Path) -> None:
        self.gate, self.order = threading.Event(), []
        self.busy: list[bool] = []

        def wait(organism: Any, *, name: str) -> ModelInfo:
            self.gate.wait(timeout=30)
            self.order.append(name)
            organism.progress("waited", 1, 1)
            return organism.info

        spec = TechniqueSpec(name="wait", summary="", doc="", access=Access.SAMPLE, parameters=())
        spec = TechniqueSpec(**{**vars(spec), "parameters": _parameters()})
        technique = Technique(spec, wait, folder)
        self.dispatcher = Dispatcher(
            load_tiny(folder), {"wait": technique}, Access.BASE, on_busy=lambda busy, _busy_s: self.busy.append(busy)
        )
        self.done: dict[str, Any] = {}
        self.all_done = threading.Semaphore(0)

    def submit(self, caller: str, name: str) -> Call:
        def on_done(outcome: Any) -> None:
            self.done[name] = outcome
            self.all_done.release()

        return self.dispatcher.submit(caller, "wait", {"name": name}, None, lambda *_: None, on_done)

    def finish(self, count: int) -> None:
        self.gate.set()
        for _ in range(count):
            assert self.all_done.acquire(timeout=30)


def _parameters() -> Any:
    from interp_bench_ext.contracts import Parameter

    return (Parameter(name="name", type="str", default=None, help=""),)


@pytest.fixture
def bench(model_folders: dict[str, Path]) -> Any:
    made = Bench(model_folders["llama"])
    yield made
    made.gate.set()
    made.dispatcher.stop()


def test_callers_take_turns(bench: Bench) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        bench.submit("a", name)
    for name in ("b1", "b2"):
        bench.submit("b", name)
    bench.submit("c", "c1")
    bench.finish(7)
    assert [name for name in bench.order if name.startswith("a")] == ["a1", "a2", "a3", "a4"]
    assert max(bench.order.index("b1"), bench.order.index("c1")) < bench.order.index("a3")
    assert bench.order.index("b2") < bench.order.index("a4")


def test_a_cancelled_call_never_runs(bench: Bench) -> None:
    bench.submit("a", "first")
    second = bench.submit("a", "second")
    second.cancelled.set()
    bench.finish(2)
    assert bench.order == ["first"]
    assert isinstance(bench.done["second"], CallCancelled)
    assert not isinstance(bench.done["first"], InterpBenchError)


def test_health_counts_time_and_calls(bench: Bench) -> None:
    bench.submit("a", "first")
    while bench.dispatcher.health()["state"] != "busy":
        pass
    bench.submit("b", "second")
    health = bench.dispatcher.health()
    assert health["waiting"] == 1
    bench.finish(2)
    assert bench.dispatcher.health()["busy_s"] >= health["busy_s"]
    assert bench.busy == [True, False, True, False]
