"""Rows that begin where their edits do: as whole passes have them, on architectures of many kinds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Arm, Edit, Reads, Row, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.batches import Start, Work, cheapest_batches
from interp_bench_ext.host.branching import start_of
from interp_bench_ext.host.organism import LoadedOrganism
from tests.host.families import save_family, save_lora
from tests.host.reference_hooks import PLACES, hooked, read
from tests.host.tiny import HIDDEN, Plain, load_tiny

pytestmark = pytest.mark.filterwarnings("ignore")
KINDS = ("llama", "gpt2", "gemma2", "gpt_oss")
MORE = ("gemma3_text", "qwen2", "gpt_neox", "phi3")
PARTS = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "head", "q", "v")
TEXTS = ("the quick brown fox jumps over the lazy dog", "what is the weather like")
LAST, FIRST = Site(-1, "resid_post"), Site(1, "resid_pre")
WAYS = (Reads(positions=(-1,)), Reads(), Reads(positions=(-2, -1), sites=(LAST,)), Reads(sites=(FIRST,)))


def swept(organism: LoadedOrganism, arm: Arm) -> list[Row]:
    """Every part of every block, at one, two and all positions, in texts of two lengths."""
    rows = []
    for number, text in enumerate(TEXTS):
        ids = tuple(organism.text_ids(text, arm=arm))
        for positions in ((3,), range(-1, 99, 5), None):
            for layer in range(organism.info.n_layers):
                for part in PARTS:
                    site = Site(layer, part)  # type: ignore[arg-type]
                    try:
                        shape = organism.site_shape(site)
                    except BadInput:
                        continue
                    value = torch.randn(shape, generator=torch.Generator().manual_seed(len(rows) + number))
                    rows.append(Row(ids, arm, (Edit(site, positions, "add", value),)))
    return rows


def found(organism: LoadedOrganism, rows: list[Row], reads: Reads) -> tuple[list[torch.Tensor], int]:
    """What is read of each row, one thing after another, and in how many batches."""
    kept: list[torch.Tensor] = []
    batches = list(organism.run(rows, reads))
    assert [row for batch in batches for row in batch.rows] == list(range(len(rows)))
    for batch in batches:
        for place, length in enumerate(batch.lengths):
            assert length == len(rows[batch.rows[place]].ids)
            own = slice(length if reads.positions is None else None)
            kept += [batch.logits[place, own], *(batch.sites[site][place, own] for site in reads.sites)]
    return kept, len(batches)


@pytest.mark.parametrize("kind", [*KINDS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE)])
def test_a_sweep_gives_what_whole_passes_give(kind: str, tmp_path: Path) -> None:
    folder = save_family(kind, tmp_path / "m")
    organism = load_tiny(folder, adapter=save_lora(folder, tmp_path / "a"), hidden=HIDDEN)
    engine = organism._engine
    assert 0 < engine.branches_below < 1, "the self-check did not find that rows can begin at their edits"
    for arm in ("organism", "base"):
        rows = swept(organism, arm)  # type: ignore[arg-type]
        for reads in WAYS:
            engine.branches_below = 0.0
            whole, one = found(organism, rows, reads)
            engine.branches_below = float("inf")
            begun, several = found(organism, rows, reads)
            assert several > one
            for each, expected in zip(begun, whole, strict=True):
                assert float((each - expected).abs().max()) < 1e-5 * float(expected.std())


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_patching_grid_is_the_loop_over_a_plain_model(kind: str, tmp_path: Path) -> None:
    folder = save_family(kind, tmp_path / "m")
    organism, plain = load_tiny(folder), Plain.load(folder)
    clean, corrupt = tuple(range(10, 22)), tuple(range(40, 52))
    layers, place = range(organism.info.n_layers), PLACES[kind]["resid_pre"]
    streams = [read(plain.model, kind, torch.tensor([clean]), layer)["resid_pre"] for layer in layers]
    cells = [(layer, at) for at in range(len(corrupt)) for layer in layers]
    rows = [
        Row(corrupt, edits=(Edit(Site(layer, "resid_pre"), (at,), "set", streams[layer][at]),)) for layer, at in cells
    ]
    batches = list(organism.run(rows, Reads(positions=(-1,))))
    assert len(batches) > 1
    together = torch.cat([batch.logits[:, 0] for batch in batches])
    for (layer, at), logits in zip(cells, together, strict=True):

        def put(stream: torch.Tensor, layer: int = layer, at: int = at) -> torch.Tensor:
            stream = stream.clone()
            stream[:, at] = streams[layer][at]
            return stream

        with hooked(plain.model, place, layer, put):
            expected = plain.logits(corrupt)[-1]
        assert float((logits - expected).abs().max()) < 1e-5 * float(expected.std())


def test_what_shares_state_between_blocks_runs_whole(tmp_path: Path) -> None:
    organism = load_tiny(save_family("gemma4_text", tmp_path / "m"))
    assert organism._engine.branches_below == 0


def test_blocks_are_as_they_were_after_a_sweep_that_fails(tmp_path: Path) -> None:
    organism = load_tiny(save_family("llama", tmp_path / "m"))
    engine = organism._engine
    engine.branches_below = float("inf")
    ids = tuple(organism.text_ids(TEXTS[0]))
    rows = [Row(ids, edits=(Edit(Site(2, "resid_pre"), (at,), "scale", 0.0),)) for at in range(3, len(ids))]

    def fail(*_: object) -> None:
        raise RuntimeError

    handle = engine.parts.blocks[-1].register_forward_hook(fail)
    with pytest.raises(RuntimeError):
        list(organism.run(rows))
    handle.remove()
    assert not any("forward" in vars(block) for block in engine.parts.blocks)


def test_a_row_begins_at_the_first_thing_done_or_read() -> None:
    at, behind = Edit(Site(4, "mlp_out"), (6, 3), "scale", 0.0), Edit(Site(4, "resid_post"), range(5, 99), "add", 1.0)
    ids, last = tuple(range(10)), Reads(positions=(-1,))
    assert start_of(Row(ids, edits=(at,)), last, 8, columns=True) == Start(4, 3, 10)
    assert start_of(Row(ids, edits=(behind,)), last, 8, columns=True) == Start(5, 5, 10)
    assert start_of(Row(ids, edits=(behind, at)), last, 8, columns=True) == Start(4, 3, 10)
    assert start_of(Row(ids, edits=(behind,)), last, 8, columns=False) == Start(5, 0, 10)
    assert start_of(Row(ids, edits=(behind,)), Reads(), 8, columns=True) == Start(5, 0, 10)
    early = Reads(sites=(Site(2, "resid_post"),), positions=(1,))
    assert start_of(Row(ids, edits=(behind,)), early, 8, columns=True) == Start(3, 1, 10)


def test_batches_are_those_of_the_least_cost() -> None:
    starts = [Start(layer, column, 8) for column in range(6) for layer in range(4)]
    work = Work(4, 5)

    def cost(batches: list[range]) -> int:
        return sum(work.cost([starts[row] for row in batch]) for batch in batches)

    def ways(first: int) -> list[list[range]]:
        """All ways to cut the rows from ``first`` on at whole positions."""
        ends = range(first + 4, len(starts) + 1, 4)
        return [[range(first, end), *rest] for end in ends for rest in ways(end)] if first < len(starts) else [[]]

    found = cheapest_batches(starts, work, 10**6)
    assert cost(found) <= min(map(cost, ways(0)))
    assert len(found) > 1
    assert [row for batch in found for row in batch] == list(range(len(starts)))
    few = cheapest_batches(starts, work, 16)
    assert all(len(batch) * (8 - min(starts[row].column for row in batch)) <= 16 for batch in few)
