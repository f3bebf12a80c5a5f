from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Access, Reads, Row, Site, Used, arm_of
from interp_bench_ext.errors import AccessDenied, BadInput, SelfCheckFailed
from interp_bench_ext.host.arms import Batching
from interp_bench_ext.host.sampling import Ways, choose, draws
from tests.host.tiny import HIDDEN, LoadedOrganism, Plain, load_tiny

TEXTS = ["the quick brown fox", "what is the weather like today my dear old friend?", "a"]
TOLERANCE = 2e-4


def rows_of(organism: LoadedOrganism, *, base: bool = False) -> list[Row]:
    return [Row(tuple(organism.text_ids(text, arm=arm_of(base))), arm_of(base)) for text in TEXTS]


def stop_ids(organism: LoadedOrganism) -> list[int]:
    return sorted(organism._engine.stop_ids)


def test_greedy_equals_generate_token_by_token(folder: Path) -> None:
    organism, plain = load_tiny(folder), Plain.load(folder)
    rows = rows_of(organism)
    found = organism.generate(rows, max_new_tokens=24, temperature=0.0)
    for row, (completion,) in zip(rows, found, strict=True):
        assert list(completion.ids) == plain.greedy(row.ids, 24, stop_ids(organism))
        assert completion.finish == ("stop" if completion.ids[-1] in stop_ids(organism) else "length")


def test_logprobs_equal_a_full_forward_pass(folder: Path) -> None:
    organism, plain = load_tiny(folder), Plain.load(folder)
    rows = rows_of(organism)
    for row, completions in zip(
        rows, organism.generate(rows, n=2, max_new_tokens=9, temperature=1.3, top_p=0.9), strict=True
    ):
        for completion in completions:
            logs = plain.logits((*row.ids, *completion.ids)).log_softmax(-1)
            start = len(row.ids) - 1
            expected = [float(logs[start + k, token]) for k, token in enumerate(completion.ids)]
            assert completion.logprobs == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("hidden", [None, HIDDEN])
def test_a_draw_does_not_depend_on_the_batch(folder: Path, hidden: str | None) -> None:
    organism = load_tiny(folder, hidden=hidden)
    rows = rows_of(organism)
    options = {"n": 3, "max_new_tokens": 12, "temperature": 1.0, "top_p": 0.95, "seed": 5}
    together = organism.generate(rows, **options)
    alone = [organism.generate([row], **options)[0] for row in rows]
    assert [[c.ids for c in row] for row in together] == [[c.ids for c in row] for row in alone]


def test_the_same_prompt_twice_is_drawn_differently(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    row = rows_of(organism)[0]
    first, second = organism.generate([row, row], n=2, max_new_tokens=16)
    four = organism.generate([row], n=4, max_new_tokens=16)[0]
    assert [c.ids for c in (*first, *second)] == [c.ids for c in four]
    assert len({c.ids for c in four}) == 4


def test_padded_forward_equals_the_plain_one_and_residuals_are_the_stream(folder: Path) -> None:
    organism, plain = load_tiny(folder), Plain.load(folder)
    rows = rows_of(organism)
    sites = tuple(Site(layer, "resid_pre") for layer in range(organism.info.n_layers)) + (Site(-1, "resid_post"),)
    (batch,) = organism.run(rows, Reads(sites=sites))
    with torch.no_grad():
        for place, row in enumerate(rows):
            out = plain.model(input_ids=torch.tensor([row.ids]), output_hidden_states=True, use_cache=False)
            length = batch.lengths[place]
            assert torch.allclose(batch.logits[place, :length], out.logits[0], atol=TOLERANCE)
            for layer in range(organism.info.n_layers):  # the last entry of hidden_states is normed
                assert torch.allclose(
                    batch.sites[sites[layer]][place, :length], out.hidden_states[layer][0], atol=TOLERANCE
                )
            last = organism.unembed(batch.sites[sites[-1]][place, :length])
            assert torch.allclose(last, out.logits[0], atol=TOLERANCE)


def test_small_memory_makes_several_batches_with_the_same_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    organism = load_tiny(folder)
    rows = rows_of(organism)
    whole = [c.ids for (c,) in organism.generate(rows, max_new_tokens=8, temperature=0.0)]
    monkeypatch.setattr("interp_bench_ext.host.passes.batch_bytes", lambda _device: 1)
    assert [c.ids for (c,) in organism.generate(rows, max_new_tokens=8, temperature=0.0)] == whole
    assert [list(batch.rows) for batch in organism.run(rows)] == [[0], [1], [2]]


def test_adapter_rows_and_base_rows_share_a_batch(folder: Path, adapter: Path) -> None:
    organism = load_tiny(folder, adapter=adapter)
    adapted, base = Plain.load(folder, adapter), Plain.load(folder)
    ids = tuple(organism.text_ids(TEXTS[0]))
    rows = [Row(ids), Row(ids, "base"), Row(ids[:-2], "base")]
    (batch,) = organism.run(rows)
    oracles = [adapted.logits(ids), base.logits(ids), base.logits(ids[:-2])]
    for place, oracle in enumerate(oracles):
        assert torch.allclose(batch.logits[place, : len(oracle)], oracle, atol=TOLERANCE)
    assert not torch.allclose(oracles[0], oracles[1], atol=1e-2)
    own, other, _ = organism.generate(rows, max_new_tokens=12, temperature=0.0)
    assert list(own[0].ids) == adapted.greedy(ids, 12, stop_ids(organism))
    assert list(other[0].ids) == base.greedy(ids, 12, stop_ids(organism))


def test_a_failing_pass_leaves_no_arm_behind(model_folders: dict[str, Path], adapter_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"])
    ids = tuple(organism.text_ids(TEXTS[0]))
    before = next(organism.run([Row(ids)])).logits
    with pytest.raises(IndexError):
        next(organism.run([Row(ids, "base"), Row((-1,))]))
    assert torch.equal(next(organism.run([Row(ids)])).logits, before)


def test_a_full_context_ends_a_row(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["gpt2"])
    organism._engine.stop_ids = frozenset()
    room = organism.info.context_length
    (completion,) = organism.generate([Row((7,) * (room - 3))], max_new_tokens=20)[0]
    assert len(completion.ids) == 3
    with pytest.raises(BadInput, match="longer than the 384 tokens"):
        organism.generate([Row((7,) * (room + 1))])


@pytest.mark.parametrize("options", [{"n": 0}, {"top_p": 0.0}, {"temperature": -1.0}, {"max_new_tokens": 0}])
def test_impossible_options_are_refused(model_folders: dict[str, Path], options: dict[str, float]) -> None:
    organism = load_tiny(model_folders["llama"])
    with pytest.raises(BadInput, match="at least"):
        organism.generate([Row((5, 6))], **options)


def test_access_is_enforced_below_the_techniques_too(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"], access=Access.LOGITS)
    row = Row((5, 6, 7))
    next(organism.run([row]))
    for refused in (
        lambda: organism.run([row], Reads(sites=(Site(0, "resid_post"),))),
        lambda: organism.unembed(torch.zeros(1, 32)),
        lambda: organism.generate([Row((5,), "base")]),
    ):
        with pytest.raises(AccessDenied):
            refused()


def test_the_self_check_says_what_is_wrong_and_by_how_much(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    spoiled = organism._engine.parts.blocks[1].register_forward_hook(
        lambda _module, args, out: out + (0.1 if args[0].shape[1] == 1 else 0.0)
    )
    with pytest.raises(
        SelfCheckFailed, match=r"a short and a long row in one sealed batch equal each alone: off by \d"
    ):
        organism.check()
    spoiled.remove()
    organism.check()


@pytest.mark.parametrize(
    ("spoils", "batching"),
    [
        (lambda ids, mask: mask is not None and not mask.all(), Batching.EQUAL),
        (lambda ids, mask: len(ids) > 1, Batching.ALONE),
    ],
)
def test_rows_that_depend_on_others_run_in_a_way_in_which_they_do_not(
    model_folders: dict[str, Path], spoils: Callable[..., bool], batching: Batching
) -> None:
    organism, plain = load_tiny(model_folders["llama"]), Plain.load(model_folders["llama"])
    model = organism._engine.organism.model

    def spoil(_module: object, _args: object, given: dict[str, Any], out: Any) -> Any:
        out.logits = out.logits.flip(-1) if spoils(given["input_ids"], given.get("attention_mask")) else out.logits
        return out

    model.register_forward_hook(spoil, with_kwargs=True)
    organism.check()
    assert organism._engine.batching is batching
    rows = rows_of(organism)
    for row, (completion,) in zip(rows, organism.generate(rows, max_new_tokens=6, temperature=0.0), strict=True):
        assert list(completion.ids) == plain.greedy(row.ids, 6, stop_ids(organism))


def test_choose_draws_from_the_distribution_and_respects_the_nucleus() -> None:
    probs = torch.tensor([0.5, 0.3, 0.15, 0.05])
    uniforms = torch.from_numpy(draws(Row((1,)), 0, 0, 20_000))
    logits = probs.log().expand(len(uniforms), -1)

    def alike(top_p: float) -> Ways:
        return Ways.of([1.0] * len(uniforms), [top_p] * len(uniforms), uniforms.device)

    tokens, logs = choose(logits, alike(1.0), uniforms)
    assert np.bincount(tokens, minlength=4) / len(uniforms) == pytest.approx(probs.numpy(), abs=0.015)
    assert torch.allclose(logs, probs.log()[tokens], atol=1e-6)
    nucleus, _ = choose(logits, alike(0.75), uniforms)
    assert np.bincount(nucleus, minlength=4) / len(uniforms) == pytest.approx([0.625, 0.375, 0, 0], abs=0.015)
    last, _ = choose(torch.tensor([[0.0, -torch.inf]]), Ways.of([1.0], [1.0], uniforms.device), torch.tensor([1.0]))
    assert last.item() == 0


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    row = Row((1, 2, 3))
    assert np.array_equal(draws(row, 0, 1, 40)[:7], draws(row, 0, 1, 7))
    assert not np.array_equal(draws(row, 0, 1, 7), draws(row, 1, 1, 7))


def test_what_is_read_and_written_is_counted_each_prompt_once(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    counted: list[Used] = []
    served = organism.serving(replace(organism._call, count=counted.append))
    rows = rows_of(organism)
    drawn = served.generate([*rows, rows[0]], n=2, max_new_tokens=5)
    different = {row.ids for row in rows}
    read = Used(samples=2 * (len(rows) + 1), prompts=len(different), tokens=sum(map(len, different)))
    written = Used(tokens=sum(len(reply.ids) for replies in drawn for reply in replies))
    assert counted == [read, written]
