from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from interp_bench_ext.contracts import Completion, Edit, Row, Site
from interp_bench_ext.errors import BadInput, CallCancelled
from interp_bench_ext.host.decoding import Drawn
from interp_bench_ext.host.row_shares import RowShares
from interp_bench_ext.host.running_batch import Draft, Job, RunningBatch, Sampling
from interp_bench_ext.host.sampling import draws
from interp_bench_ext.host.shares import Payer
from interp_bench_ext.host.step_cost import StepCost
from tests.host.tiny import HIDDEN, LoadedOrganism, load_tiny

TOLERANCE = 2e-4
"""Nats; a row's products are rounded otherwise in a batch of another size."""
GREEDY, DRAWN = {"temperature": 0.0}, {"temperature": 1.2, "top_p": 0.9, "seed": 3}
TEXTS = ["the quick brown fox", "what is the weather like today my dear old friend?", "a", "user system model"]


def calls_on(organism: LoadedOrganism) -> list[tuple[list[Row], dict[str, Any]]]:
    """Of several callers: each arm, edits, both ways of drawing, and replies of unlike length."""
    ids = [tuple(organism.text_ids(text)) for text in TEXTS]
    base = [tuple(organism.text_ids(text, arm="base")) for text in TEXTS]
    push = Edit(Site(1, "resid_post"), None, "add", torch.linspace(-1, 1, organism.info.width))
    return [
        ([Row(ids[0])], {**GREEDY, "max_new_tokens": 20}),
        ([Row(ids[1]), Row(base[1], "base")], {**DRAWN, "max_new_tokens": 9, "n": 2}),
        ([Row(ids[2], edits=(push,)), Row(base[3], "base", edits=(push,))], {**GREEDY, "max_new_tokens": 14}),
        ([Row(base[0], "base")], {**DRAWN, "max_new_tokens": 17}),
    ]


def together(work: list[Callable[[], Any]]) -> list[Any]:
    """What each gives, or raises, when all begin at once."""
    found: list[Any] = [None] * len(work)
    begin = threading.Barrier(len(work))

    def run(number: int) -> None:
        begin.wait(timeout=30)
        try:
            found[number] = work[number]()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found


def same(found: list[list[Completion]], alone: list[list[Completion]]) -> None:
    for ours, theirs in zip(found, alone, strict=True):
        assert [one.ids for one in ours] == [one.ids for one in theirs]
        assert [one.finish for one in ours] == [one.finish for one in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=TOLERANCE)


def widths_of(organism: LoadedOrganism) -> list[int]:
    """The rows of each pass from now on."""
    widths: list[int] = []
    organism._engine.organism.model.register_forward_pre_hook(
        lambda _m, _a, given: widths.append(given["input_ids"].shape[0]), with_kwargs=True
    )
    return widths


@pytest.mark.parametrize("hidden", [None, HIDDEN])
def test_calls_at_once_get_what_each_gets_alone(folder: Path, adapter: Path, hidden: str | None) -> None:
    organism = load_tiny(folder, adapter=adapter, hidden=hidden)
    calls = calls_on(organism)
    alone = [organism.generate(rows, **how) for rows, how in calls]
    found = together([lambda rows=rows, how=how: organism.generate(rows, **how) for rows, how in calls])
    for ours, theirs in zip(found, alone, strict=True):
        same(ours, theirs)


def test_rows_enter_a_batch_that_runs_and_a_step_is_for_all(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    organism._engine.stop_ids = frozenset()
    widths = widths_of(organism)
    begun, gone_on = threading.Event(), threading.Event()

    def first_step(_stage: str, done: int, _total: int) -> None:
        if done >= 5:
            begun.set()
            gone_on.wait(timeout=30)

    def second_step(_stage: str, done: int, _total: int) -> None:
        if done:
            gone_on.set()

    row = Row(tuple(organism.text_ids(TEXTS[0])))
    engine, how = organism._engine, Sampling(30, 0.0, 1.0, 0)
    alone = engine.generate([row], [0], how, lambda *_: None)
    widths.clear()

    def second() -> list[Drawn]:
        begun.wait(timeout=30)
        threading.Timer(0.2, gone_on.set).start()  # it can only be added: the first has the model
        return engine.generate([row], [0], how, second_step)

    found = together([lambda: engine.generate([row], [0], how, first_step), second])
    assert [each[0].ids for each in found] == [alone[0].ids] * 2
    assert widths.count(2) >= 20
    assert len(widths) < 45


def test_a_call_that_is_called_off_leaves_the_others(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    organism._engine.stop_ids = frozenset()
    row, how = Row(tuple(organism.text_ids(TEXTS[0]))), Sampling(24, 0.0, 1.0, 0)
    engine = organism._engine

    def stops(_stage: str, done: int, _total: int) -> None:
        if done >= 7:
            raise CallCancelled("The call was cancelled.")

    alone = engine.generate([row], [0], how, lambda *_: None)
    found = together(
        [
            lambda: engine.generate([row], [0], how, stops),
            lambda: engine.generate([row], [0], how, lambda *_: None),
        ]
    )
    assert isinstance(found[0], CallCancelled)
    assert found[1][0].ids == alone[0].ids


def test_what_is_no_number_ends_its_own_call_only(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    row = Row(tuple(organism.text_ids(TEXTS[0])))
    huge = Edit(Site(1, "resid_post"), None, "add", torch.full((organism.info.width,), 3e38))
    alone = organism.generate([row], max_new_tokens=16)
    broken = Row(row.ids, edits=(huge, huge))
    for temperature in (0.0, 1.0):
        found = together(
            [
                lambda t=temperature: organism.generate([broken], max_new_tokens=16, temperature=t),
                lambda: organism.generate([row], max_new_tokens=16),
            ]
        )
        assert isinstance(found[0], BadInput)
        assert "no numbers" in str(found[0])
        same(found[1], alone)


def test_a_pass_that_fails_for_several_is_made_for_each_alone(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    organism._engine.stop_ids = frozenset()
    rows = [Row(tuple(organism.text_ids(text))) for text in TEXTS]
    alone = [organism.generate([row], max_new_tokens=12, temperature=0.0) for row in rows]

    def too_wide(_module: Any, _args: Any, given: dict[str, Any]) -> None:
        if given["input_ids"].shape[0] > 2:
            raise RuntimeError("out of memory")

    organism._engine.organism.model.register_forward_pre_hook(too_wide, with_kwargs=True)
    found = together([lambda row=row: organism.generate([row], max_new_tokens=12, temperature=0.0) for row in rows])
    for ours, theirs in zip(found, alone, strict=True):
        same(ours, theirs)
    with pytest.raises(RuntimeError, match="out of memory"):
        organism.generate(rows, max_new_tokens=12)


def test_edits_of_base_rows_hold_when_the_organisms_have_ended(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"])
    organism._engine.stop_ids = frozenset()
    ids = tuple(organism.text_ids(TEXTS[0]))
    push = Edit(Site(1, "resid_post"), None, "add", 3 * torch.linspace(-1, 1, organism.info.width))
    edited = Row(ids, "base", edits=(push,))
    alone = organism.generate([edited], max_new_tokens=16, temperature=0.0)
    assert alone[0][0].ids != organism.generate([Row(ids, "base")], max_new_tokens=16, temperature=0.0)[0][0].ids
    found = together(
        [
            lambda: organism.generate([Row(ids)], max_new_tokens=3, temperature=0.0),
            lambda: organism.generate([edited], max_new_tokens=16, temperature=0.0),
        ]
    )
    same(found[1], alone)


def test_a_batch_that_never_empties_keeps_the_columns_of_its_rows_only(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    organism._engine.stop_ids = frozenset()
    row, columns = Row(tuple(organism.text_ids(TEXTS[0]))), []
    organism._engine.organism.model.register_forward_pre_hook(
        lambda _m, _a, given: columns.append(given["attention_mask"].shape[1]), with_kwargs=True
    )

    def caller(number: int) -> list[list[Completion]]:
        return [organism.generate([row], max_new_tokens=16 + number, temperature=0.0) for _ in range(6)][-1]

    together([lambda number=number: caller(number) for number in range(4)])
    assert max(columns) <= len(row.ids) + 16 + 16 + 3


class InProportion(StepCost):
    """A device on which each row costs as much as the first, whatever this machine does."""

    def seconds(self, rows: int) -> float:
        return float(rows)


def test_a_flood_of_rows_and_one_row_of_another_share_the_batch(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    engine, how = organism._engine, Sampling(40, 0.0, 1.0, 0)
    engine.stop_ids = frozenset()
    row = Row(tuple(organism.text_ids(TEXTS[0])))
    alone = engine.generate([row], [0], how, lambda *_: None, payer=Payer("flood"))
    widths: list[int] = []
    engine.organism.model.register_forward_pre_hook(
        lambda _m, _a, given: widths.append(given["input_ids"].shape[0]), with_kwargs=True
    )
    engine._running.shares = RowShares(cost=InProportion())
    begun, began_at, ended_at = threading.Event(), 0, 0

    def floods(_stage: str, done: int, _total: int) -> None:
        if done >= 5 * 64:
            begun.set()

    def light() -> list[list[Drawn]]:
        nonlocal began_at, ended_at
        assert begun.wait(timeout=30)
        began_at = len(widths)
        seen = [engine.generate([row], [0], how, lambda *_: None, payer=Payer("light")) for _ in range(2)]
        ended_at = len(widths)
        return seen

    found = together([lambda: engine.generate([row] * 64, range(64), how, floods, payer=Payer("flood")), light])
    assert {each.ids for each in found[0]} == {alone[0].ids}  # those that waited have lost nothing
    assert [seen[0].ids for seen in found[1]] == [alone[0].ids] * 2
    assert max(widths[:began_at]) == 64
    beside = widths[began_at + 2 : ended_at]
    assert max(beside) <= 3
    assert sum(width > 1 for width in beside) > len(beside) / 2  # and the flood goes on meanwhile


class OnADevice:
    """A batch on a device whose time is reckoned: a pass takes so long, and as much more for every token of a row.

    One row's token takes less, as it does where a matrix times a vector is another kernel.
    """

    one_s, more_s, lone_s = 0.08, 0.004, 0.055

    def __init__(self, organism: LoadedOrganism) -> None:
        self.clock, self.longest_s = 0.0, 0.0
        self._organism = organism
        organism._engine.stop_ids = frozenset()
        self._batch = RunningBatch(organism._engine, now=lambda: self.clock)
        organism._engine.organism.model.register_forward_pre_hook(self._passing, with_kwargs=True)

    def _passing(self, _module: Any, _args: Any, given: dict[str, Any]) -> None:
        tokens = given["input_ids"].numel()
        seconds = self.lone_s if tokens == 1 else self.one_s + self.more_s * tokens
        self.clock += seconds
        self.longest_s = max(self.longest_s, seconds)

    def begin(self, user: str, texts: list[str], *, new: int) -> Job:
        """A call of theirs, which has one row of each text."""
        how = Sampling(new, 0.0, 1.0, 0)
        job = Job(how, lambda *_: None, lambda _: None, Payer(user))
        rows = [Row(tuple(self._organism.text_ids(text))) for text in texts]
        job.begin([Draft(job, row, draws(row, 0, 0, new), new) for row in rows])
        self._batch.add(job)
        return job

    def until_ended(self, job: Job, *, flood: Flood | None = None) -> float:
        """Take steps until the call has ended; its seconds."""
        began = self.clock
        while not job.ended:
            self._batch.step()
            if flood is not None:
                flood.go_on()
        return self.clock - began


class Flood:
    """Four calls of one person at a time, another in the place of each that ends."""

    def __init__(self, device: OnADevice, texts: list[str], *, new: int) -> None:
        self._begin = lambda: device.begin("flood", texts, new=new)
        self._jobs = [self._begin() for _ in range(4)]

    def go_on(self) -> None:
        self._jobs = [self._begin() if job.ended else job for job in self._jobs]


SAME, UNLIKE = ["the quick brown fox"] * 16, [f"{number} user and system " * 6 for number in range(16)]


@pytest.mark.parametrize(("texts", "new"), [(SAME, 16), (UNLIKE, 16), (UNLIKE, 1)])
def test_a_call_beside_a_flood_takes_less_than_twice_as_long(
    model_folders: dict[str, Path], texts: list[str], new: int
) -> None:
    device = OnADevice(load_tiny(model_folders["llama"]))

    def light() -> Job:
        return device.begin("light", ["the quick brown fox jumps"], new=16)

    alone_s = [device.until_ended(light()) for _ in range(2)][-1]
    device.clock += 60
    flood = Flood(device, texts, new=new)
    device.until_ended(device.begin("flood", texts, new=new), flood=flood)  # it has the device for itself
    device.longest_s = 0.0
    beside_s = [device.until_ended(light(), flood=flood) for _ in range(6)]
    assert max(beside_s) < 2 * alone_s, beside_s
    assert device.longest_s < 0.5


def test_greedy_replies_to_one_prompt_are_written_once(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    organism._engine.stop_ids = frozenset()
    widths = widths_of(organism)
    rows = [Row(tuple(organism.text_ids(text))) for text in (TEXTS[0], TEXTS[1], TEXTS[0])]
    greedy = organism.generate(rows, **GREEDY, n=3, max_new_tokens=4)
    assert max(widths) == 2
    assert [len(found) for found in greedy] == [3, 3, 3]
    assert {found.ids for found in greedy[0] + greedy[2]} == {greedy[0][0].ids}
    widths.clear()
    organism.generate(rows, **DRAWN, n=3, max_new_tokens=4)
    assert max(widths) == 9
