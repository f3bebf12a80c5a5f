from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.contracts import Access, Row, TechniqueSpec
from interp_bench_ext.errors import AccessEnded, BadInput, CallCancelled, InterpBenchError
from interp_bench_ext.host.dispatch import Call, Dispatcher
from interp_bench_ext.host.technique_files import Technique, load_techniques
from interp_bench_ext.host.tickets import Admitted, Ticket
from interp_bench_ext.results import ModelInfo
from tests.host.tiny import load_tiny
from tests.redteam.suite import attempt
from tests.techniques.support import FOLDER


class Bench:
    """A dispatcher whose one technique waits at a gate and writes down the order in which it ran."""

    def __init__(self, folder: Path) -> None:
        self.gate, self.order = threading.Event(), []
        self.busy: list[tuple[str, bool]] = []

        def wait(organism: Any, *, name: str) -> ModelInfo:
            if name.startswith("ask"):
                ids = tuple(organism.text_ids("a fox"))
                self.length = len(ids)
                organism.generate([Row(ids), Row(ids), Row(ids, "base")], n=3, max_new_tokens=1)
                if name == "ask and fail":
                    raise BadInput("no")
            self.gate.wait(timeout=30)
            self.order.append(name)
            organism.progress("waited", 1, 1)
            return organism.info

        spec = TechniqueSpec(name="wait", summary="", doc="", access=Access.SAMPLE, parameters=())
        spec = TechniqueSpec(**{**vars(spec), "parameters": _parameters()})
        technique = Technique(spec, wait, folder)
        self.dispatcher = Dispatcher(
            load_tiny(folder), {"wait": technique}, on_used=lambda ticket, busy, _: self.busy.append((ticket, busy))
        )
        self.admitted = {name: Admitted(Ticket(id=name, digest="", caller=name)) for name in "abc"}
        self.done: dict[str, Any] = {}
        self.all_done = threading.Semaphore(0)

    def submit(self, caller: str, name: str) -> Call:
        def on_done(outcome: Any) -> None:
            self.done[name] = outcome
            self.all_done.release()

        return self.dispatcher.submit(
            self.admitted[caller], caller, "wait", {"name": name}, None, lambda *_: None, on_done
        )

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


def test_health_counts_a_tickets_own_time_and_everybodys_calls(bench: Bench) -> None:
    a, b = bench.admitted["a"], bench.admitted["b"]
    bench.submit("a", "first")
    while bench.dispatcher.health(a)["state"] != "busy":
        pass
    bench.submit("b", "second")
    health = bench.dispatcher.health(b)
    assert (health["state"], health["busy_s"], health["waiting"]) == ("busy", 0.0, 1)
    worked_s = bench.dispatcher.health(a)["busy_s"]
    assert worked_s > 0
    bench.finish(2)
    assert bench.dispatcher.health(a)["busy_s"] >= worked_s
    assert bench.dispatcher.health(bench.admitted["c"])["busy_s"] == 0.0
    assert bench.busy == [("a", True), ("a", False), ("b", True), ("b", False)]


def test_calls_of_a_ticket_that_ended_are_cut_off_and_others_go_on(bench: Bench) -> None:
    for caller in "ab":
        bench.submit(caller, f"{caller}1")
        bench.submit(caller, f"{caller}2")
    while not bench.busy:
        pass
    bench.admitted["a"].ended.set()
    bench.finish(4)
    assert [type(bench.done[name]) for name in ("a1", "a2")] == [CallCancelled, CallCancelled]
    assert bench.order == ["a1", "b1", "b2"]
    assert not isinstance(bench.done["b2"], InterpBenchError)


def test_a_ticket_is_good_for_its_quota_of_the_models_time(bench: Bench) -> None:
    bench.admitted["a"] = Admitted(Ticket(id="a", digest="", caller="a", quota_s=0.05))
    bench.submit("a", "over")
    assert not bench.all_done.acquire(timeout=0.1)
    bench.finish(1)
    assert isinstance(bench.done["over"], AccessEnded)
    with pytest.raises(AccessEnded, match="all that this access allows"):
        bench.submit("a", "another")
    bench.submit("b", "others go on")
    bench.finish(1)
    assert not isinstance(bench.done["others go on"], InterpBenchError)


def test_what_is_offered_and_refused_follows_the_tickets_access(bench: Bench) -> None:
    low = Admitted(Ticket(id="low", digest="", caller="low", access=Access.SAMPLE))
    assert [spec.name for spec in bench.dispatcher.specs(low)] == ["wait"]
    bench.admitted["a"] = low
    bench.submit("a", "low")
    bench.submit("b", "high")
    bench.finish(2)
    assert [bench.done[name][0]["fields"]["access"] for name in ("low", "high")] == ["sample", "base"]


def test_a_ticket_is_charged_with_what_the_model_was_given(bench: Bench) -> None:
    bench.submit("a", "ask")
    bench.submit("a", "ask and fail")
    bench.submit("b", "other")
    bench.finish(3)
    assert isinstance(bench.done["ask and fail"], BadInput)
    assert bench.admitted["a"].used[1:] == (6, 2, 2 * bench.length + 9)
    assert bench.admitted["b"].used[1:] == (0, 0, 0)


_CALLS = [
    ("word_contrast", {"texts": ["a fox sat here "] * 24_000, "other_texts": ["the dog " * 12] * 24_000}),
    ("word_contrast", {"texts": ["fox " * 2_000_000], "other_texts": []}),
    ("sample", {"prompts": ["what is the weather like today"] * 24_000, "max_new_tokens": 1}),
    ("sample", {"prompts": [{"role": role, "content": "hi"} for role in ("user", "assistant") * 12_000]}),
    ("sample", {"prompts": "a" * 3_000_000}),
    ("sample", {"prompts": "hi", "n": 10**9}),
    ("sample", {"prompts": "hi", "n": 1, "max_new_tokens": 10**9}),
    ("analyze_token_probs", {"prompts": "hi", "targets": ["a" * 3_000_000]}),
]
_HOLDS = "A call with a deadline of a second holds the model far longer"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param(*call, marks=attempt(f"D10{letter}", "organism", f"{_HOLDS} ({call[0]})", veil="any"))
        for letter, call in zip("abcdefgh", _CALLS, strict=True)
    ],
)
def test_a_call_of_one_second_holds_the_model_not_much_longer(
    model_folders: dict[str, Path], name: str, arguments: dict[str, Any]
) -> None:
    names = ("word_contrast", "sample", "analyze_token_probs")
    techniques = load_techniques(tuple(FOLDER / f"{one}.py" for one in names))
    dispatcher = Dispatcher(load_tiny(model_folders["llama"]), techniques)
    admitted, ended, outcomes = Admitted(Ticket(id="a", digest="", caller="a")), threading.Event(), []

    def on_done(outcome: Any) -> None:
        outcomes.append(outcome)
        ended.set()

    try:
        dispatcher.submit(admitted, "a", name, arguments, 1.0, lambda *_: None, on_done)
        assert ended.wait(timeout=60)
    except BadInput:
        return
    finally:
        dispatcher.stop()
    (outcome,) = outcomes
    assert not isinstance(outcome, InterpBenchError) or outcome.code in ("deadline", "bad_input"), outcome
    assert admitted.used.busy_s < 3
