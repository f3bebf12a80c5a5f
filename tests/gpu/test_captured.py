"""Recorded decode steps against single ones, on the GPU that they are recorded for."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.contracts import Row
from tests.host.test_fixed_steps import both_ways, edits_of_all_kinds
from tests.host.test_running_batch import TEXTS, calls_on, same, together
from tests.host.tiny import FAMILIES, HIDDEN, LoadedOrganism, load_tiny, save_adapter, save_model


def on_gpu(family: str, folder: Path, *, hidden: str | None = HIDDEN) -> LoadedOrganism:
    model = save_model(family, folder / "model")
    return load_tiny(model, adapter=save_adapter(model, folder / "adapter"), hidden=hidden, device="cuda")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_recorded_step_gives_what_a_single_one_gives(family: str, tmp_path: Path) -> None:
    organism = on_gpu(family, tmp_path)
    assert organism.info.decoding == "captured"
    for rows, how in calls_on(organism):
        same(*both_ways(organism, rows, **how))
        assert organism._engine.captured


def test_callers_come_and_go_between_recorded_steps(tmp_path: Path) -> None:
    organism = on_gpu("llama", tmp_path)
    organism._engine.stop_ids = frozenset()
    calls = calls_on(organism)
    organism._engine.captured = False
    alone = [organism.generate(rows, **how) for rows, how in calls]
    organism._engine.captured = True
    found = together([lambda rows=rows, how=how: organism.generate(rows, **how) for rows, how in calls])
    for ours, theirs in zip(found, alone, strict=True):
        same(ours, theirs)


def test_edits_hold_in_recorded_steps(tmp_path: Path) -> None:
    organism = on_gpu("llama", tmp_path)
    organism._engine.stop_ids = frozenset()
    ids = tuple(organism.text_ids(TEXTS[1]))
    kinds = edits_of_all_kinds(organism, len(ids))
    edits = [*kinds[:4], kinds[-1]]
    ours, plain = both_ways(organism, [Row(ids, edits=each) for each in edits], max_new_tokens=21, temperature=0.0)
    same(ours, plain)
    assert ours[0][0].ids == ours[2][0].ids
    assert organism._engine.captured


def test_long_replies_outgrow_their_buffers(tmp_path: Path) -> None:
    organism = on_gpu("llama", tmp_path, hidden=None)
    rows = [Row(tuple(organism.text_ids(text))) for text in TEXTS]
    same(*both_ways(organism, rows, n=3, max_new_tokens=330, temperature=0.0))
