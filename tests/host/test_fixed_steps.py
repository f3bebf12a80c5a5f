"""Steps in fixed buffers, which CUDA records: here they run by themselves, and give what single steps give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from interp_bench_ext.contracts import Completion, Edit, Row, Site
from tests.host.test_running_batch import DRAWN, GREEDY, TEXTS, calls_on, same, together
from tests.host.tiny import FAMILIES, HIDDEN, LoadedOrganism, load_tiny, save_adapter


def both_ways(
    organism: LoadedOrganism, rows: list[Row], **how: Any
) -> tuple[list[list[Completion]], list[list[Completion]]]:
    """In fixed buffers, and step by step."""
    engine = organism._engine
    engine.captured = False
    plain = organism.generate(rows, **how)
    engine.captured = True
    assert engine._running.fixed is not None
    return organism.generate(rows, **how), plain


def steps_taken(organism: LoadedOrganism) -> list[int]:
    """Rows of each pass from now on."""
    widths: list[int] = []
    for model in {organism._engine.organism.model, organism._engine.base.model}:
        model.register_forward_pre_hook(
            lambda _m, _a, given: widths.append(given["input_ids"].shape[0]), with_kwargs=True
        )
    return widths


@pytest.mark.parametrize("hidden", [None, HIDDEN])
@pytest.mark.parametrize("family", FAMILIES)
def test_they_give_what_single_steps_give(
    family: str, hidden: str | None, model_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = model_folders[family]
    organism = load_tiny(folder, adapter=save_adapter(folder, tmp_path / "adapter"), hidden=hidden)
    for rows, how in calls_on(organism):
        same(*both_ways(organism, rows, **how))


def test_callers_come_and_go_between_them(folder: Path, adapter: Path) -> None:
    organism = load_tiny(folder, adapter=adapter, hidden=HIDDEN)
    organism._engine.stop_ids = frozenset()
    calls = calls_on(organism)
    alone = [organism.generate(rows, **how) for rows, how in calls]
    organism._engine.captured = True
    found = together([lambda rows=rows, how=how: organism.generate(rows, **how) for rows, how in calls])
    for ours, theirs in zip(found, alone, strict=True):
        same(ours, theirs)


def test_a_batch_outgrows_its_buffers_and_loses_rows(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    rows = [Row(tuple(organism.text_ids(text))) for text in TEXTS]
    ours, plain = both_ways(organism, rows, n=3, max_new_tokens=330, temperature=1.5, seed=5)
    assert len({len(each.ids) for row in plain for each in row}) > 3
    assert max(len(each.ids) for row in plain for each in row) > 256
    same(ours, plain)


def test_batches_that_cannot_be_one_take_turns_in_the_same_memory(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["gemma2"])  # its window keeps long rows apart from padded ones
    organism._engine.stop_ids = frozenset()
    ids = tuple(organism.text_ids("the quick brown fox jumps over the lazy dog"))
    rows = [Row(ids[:2]), Row(ids[:9]), Row(ids), Row(ids + ids)]
    for how in (GREEDY, DRAWN):
        same(*both_ways(organism, rows, max_new_tokens=12, **how))


def edits_of_all_kinds(organism: LoadedOrganism, length: int) -> list[tuple[Edit, ...]]:
    """Of a row of so many tokens; the first and the third change nothing."""
    push = torch.linspace(-1, 1, organism.info.width)
    return [
        (),
        (Edit(Site(1, "resid_post"), None, "add", push),),
        (Edit(Site(1, "resid_post"), None, "add", 0.0),),
        (Edit(Site(0, "resid_mid"), range(length, length + 5), "project", push),),
        (Edit(Site(2, "resid_pre"), (2, length + 3), "set", torch.stack([push, -push])),),
        (Edit(Site(1, "resid_post"), None, "scale", 0.5), Edit(Site(1, "resid_post"), None, "add", push)),
        (Edit(Site(1, "adapter"), None, "scale", 0.25),),
    ]


def test_edits_of_all_kinds_hold_in_them(folder: Path, adapter: Path) -> None:
    organism = load_tiny(folder, adapter=adapter, hidden=HIDDEN)
    organism._engine.stop_ids = frozenset()
    ids = tuple(organism.text_ids(TEXTS[1]))
    push = torch.linspace(-1, 1, organism.info.width)
    edits = edits_of_all_kinds(organism, len(ids))
    rows = [Row(ids, edits=each) for each in edits]
    for how in (GREEDY, DRAWN):
        ours, plain = both_ways(organism, rows, max_new_tokens=21, **how)
        same(ours, plain)
        assert ours[0][0].ids == ours[2][0].ids
        assert len({found[0].ids for found in ours}) >= 5
    other = [Row(ids, edits=(Edit(Site(1, "resid_post"), None, "add", push * number),)) for number in (3, -2)]
    same(*both_ways(organism, other, max_new_tokens=21, **GREEDY))


def test_an_adapter_cut_to_a_rank_steps_by_itself(folder: Path, adapter: Path) -> None:
    organism = load_tiny(folder, adapter=adapter)
    organism._engine.stop_ids = frozenset()
    cut = Row(tuple(organism.text_ids(TEXTS[0])), edits=(Edit(Site(1, "adapter"), None, "project", 1.0),))
    same(*both_ways(organism, [cut], max_new_tokens=9, **GREEDY))
    fixed = organism._engine._running.fixed
    assert fixed is not None
    assert not fixed._recordings


def test_stop_tokens_are_looked_at_every_few_steps(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    organism._engine.stop_ids = frozenset()
    row = Row(tuple(organism.text_ids(TEXTS[0])))
    (free,), _ = both_ways(organism, [row], max_new_tokens=40, **GREEDY)
    organism._engine.stop_ids = frozenset({free[0].ids[11]})
    first = free[0].ids.index(free[0].ids[11])
    widths = steps_taken(organism)
    (stopped,) = organism.generate([row], max_new_tokens=40, **GREEDY)
    assert stopped[0].finish == "stop"
    assert stopped[0].ids == free[0].ids[: first + 1]
    assert len(widths) <= first + 1 + 8
