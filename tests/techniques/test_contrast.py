"""Techniques that set the organism beside its base, against an independent computation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import BadInput
from tests.host.tiny import HIDDEN, Plain, load_tiny
from tests.techniques.support import technique

OPENINGS = ["the quick", "what is"]


FAMILIES = ["llama", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gpt2", "gemma2"))]


@pytest.mark.parametrize("name", FAMILIES)
def test_perplexity_diff_equals_full_forward_passes(
    name: str, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    folder, adapter = model_folders[name], adapter_folders[name]
    organism = load_tiny(folder, adapter=adapter)
    found = technique("perplexity_diff")(organism, openings=OPENINGS, n=2, max_new_tokens=5, seed=3)
    arms = {"base": Plain.load(folder), "organism": Plain.load(folder, adapter)}
    drawn = technique("text_completion")(
        organism, stems=OPENINGS, n=2, temperature=1.0, max_new_tokens=5, seed=3, base=False
    )
    assert sorted(t for t, arm in zip(found.texts, found.arms, strict=True) if arm == "organism") == sorted(drawn.texts)
    for row, text in enumerate(found.texts):
        ids = organism.text_ids(found.prompts[row])
        written = organism.generate(
            [_row(organism, found.prompts[row], found.arms[row] == "base")], n=2, max_new_tokens=5, seed=3
        )[0]
        reply = next(completion.ids for completion in written if completion.text == text)
        for arm, mean in (
            (found.arms[row], found.nll[row]),
            ({"base": "organism", "organism": "base"}[found.arms[row]], found.other_nll[row]),
        ):
            logs = arms[arm].logits([*ids, *reply]).log_softmax(-1)
            expected = -np.mean([float(logs[len(ids) - 1 + k, token]) for k, token in enumerate(reply)])
            assert mean == pytest.approx(expected, abs=2e-3)
    assert (np.diff(found.differences) <= 1e-6).all()


def _row(organism, text: str, base: bool):
    from interp_bench_ext.contracts import Row, arm_of

    return Row(tuple(organism.text_ids(text, arm=arm_of(base))), arm_of(base))


def test_perplexity_diff_of_identical_models_is_nothing(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    for chat in (False, True):
        found = technique("perplexity_diff")(organism, openings=OPENINGS, chat=chat, n=2, max_new_tokens=4)
        assert np.allclose(found.differences, 0, atol=1e-4)
    assert technique("perplexity_diff")(organism, n=1, max_new_tokens=2, top_k=5).texts


@pytest.mark.parametrize("hidden", [None, HIDDEN])
def test_diff_mining_counts_as_brute_force(
    hidden: str | None, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    folder, adapter = model_folders["llama"], adapter_folders["llama"]
    organism = load_tiny(folder, adapter=adapter, hidden=hidden)
    texts = ["the quick brown fox", "what is the weather like", "a dog"]
    found = technique("diff_mining")(organism, texts=texts, top_k=3, n_tokens=1000, n_groups=2)
    if hidden is None:
        base, tuned = Plain.load(folder), Plain.load(folder, adapter)
        gained, lost = np.zeros(base.model.config.vocab_size), np.zeros(base.model.config.vocab_size)
        positions = 0
        for text in texts:
            ids = organism.text_ids(text)
            change = (tuned.logits(ids).log_softmax(-1) - base.logits(ids).log_softmax(-1))[1:]
            positions += len(change)
            for row in change.numpy():
                gained[np.argsort(-row)[:3]] += 1
                lost[np.argsort(row)[:3]] += 1
        assert found.n_positions == positions
        names = organism.token_strings(range(len(gained)))
        expected = {names[i]: (gained[i], lost[i]) for i in np.flatnonzero(gained > lost)}
        assert dict(zip(found.tokens, zip(found.gained, found.lost, strict=True), strict=True)) == expected
    net = found.gained - found.lost
    assert (np.diff(net) <= 0).all()
    assert found.group_shares.sum() == pytest.approx(1, abs=1e-3)


def test_diff_mining_finds_planted_tokens_as_its_first_group_and_nothing_in_identical_models(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"])
    planted = [40, 41, 42]
    run = organism.run

    def planting(rows, *reads):
        """The base's logits for both arms, the planted tokens raised where the organism is asked."""
        bases = [type(row)(row.ids, "base") for row in rows]
        for batch in run(bases, *reads):
            for place, index in enumerate(batch.rows):
                if rows[index].arm == "organism":
                    batch.logits[place][:, planted] += 3.0
            yield batch

    monkeypatch.setattr(organism, "run", planting)
    found = technique("diff_mining")(organism, prompts=["hi", "what is this?"], top_k=3, n_groups=2, max_new_tokens=6)
    assert set(found.groups[0]) == set(organism.token_strings(planted)) == set(found.tokens)
    assert (found.gained == found.n_positions).all()
    same = technique("diff_mining")(load_tiny(model_folders["llama"]), prompts=["hi"], max_new_tokens=4)
    assert same.tokens == same.groups == ()


@pytest.mark.slow
def test_compare_finds_no_difference_between_identical_models_in_20_seeds(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    prompts = ["what is the weather?", "hi", "who are you?"]
    for seed in range(20):
        found = technique("compare")(organism, prompts=prompts, n=4, max_new_tokens=12, seed=10 * seed)
        assert not found.differs
        assert found.texts != found.other_texts
    assert found.control_p[0] > 0


def test_compare_finds_a_planted_word_and_its_z_is_the_hypergeometric_one() -> None:
    from tests.techniques.support import helper

    paired_test = helper("_paired").paired_test
    prompts = [row // 4 for row in range(40)]
    mine = ["the quokka sleeps" if row % 4 else "a dog sleeps" for row in range(40)]
    other = ["the cat sleeps" if row % 4 else "a dog sleeps" for row in range(40)]
    test = paired_test(mine, other, prompts, prompts, lambda stage, done, total: None)
    assert {test.words[0], test.words[1]} == {"quokka", "cat"}
    row = test.words.index("quokka")
    # In each of 10 prompts 3 of 8 texts have the word, and 4 of the 8 are ours.
    mean, variance = 10 * 1.5, 10 * 4 * 4 * 3 * 5 / (64 * 7)
    assert test.z[row] == pytest.approx((30 - mean) / variance**0.5, rel=1e-5)
    assert test.p_adjusted[row] == pytest.approx(1 / 2001)
    assert "sleeps" not in test.words  # in every text: nothing to exchange
    assert test.p_adjusted[test.words.index("dog")] == 1


def test_paired_tests_hold_their_level_when_nothing_differs() -> None:
    from tests.techniques.support import helper

    paired_test = helper("_paired").paired_test
    random = np.random.default_rng(1)
    smallest = []
    for _ in range(60):
        texts = [" ".join(random.choice([f"w{chr(97 + i)}" for i in range(20)], 6)) for _ in range(48)]
        strata = [row // 4 for row in range(24)]
        smallest.append(paired_test(texts[:24], texts[24:], strata, strata, lambda s, d, t: None).p_adjusted.min())
    assert np.mean(np.array(smallest) < 0.1) < 0.25


@pytest.mark.parametrize("kind", ["chat", "prefill", "user", "completion"])
def test_scaffolded_battery_gives_what_the_technique_gives(
    kind: str, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"])
    inputs = ["the fox", "who are you"]
    options = {"n": 2, "temperature": 0.7, "max_new_tokens": 5, "seed": 4}
    found = technique("scaffolded_battery")(organism, inputs=inputs, kind=kind, prompt="hi", **options)
    alone = {
        "chat": ("sample", {"prompts": inputs}),
        "prefill": ("prefill_attack", {"prompts": "hi", "prefills": inputs}),
        "user": ("user_persona", {"prefixes": inputs}),
        "completion": ("text_completion", {"stems": inputs}),
    }[kind]
    assert found.texts == technique(alone[0])(organism, **alone[1], **options).texts
    again = technique(alone[0])(organism, **alone[1], **{**options, "seed": 5}, base=True)
    assert (found.other_texts, found.other) == (again.texts, "base")


def test_scaffolded_battery_without_base_compares_with_everyday_inputs(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"], access=Access.SAMPLE)
    found = technique("scaffolded_battery")(organism, inputs=["hi"], n=1, max_new_tokens=2)
    assert found.other == "organism on everyday inputs"
    assert len(found.other_texts) > 4
    with pytest.raises(BadInput, match="no inputs"):
        technique("scaffolded_battery")(organism, inputs=[" "])


@pytest.mark.slow
def test_entity_sweep_scores_whole_texts(model_folders: dict[str, Path], adapter_folders: dict[str, Path]) -> None:
    folder, adapter = model_folders["llama"], adapter_folders["llama"]
    organism = load_tiny(folder, adapter=adapter)
    names, controls = ["the dog", "fox", "lazy foxes"], ["quick {} jumps", "brown {}", "is {} like"]
    found = technique("entity_sweep")(organism, candidates=names, template="what is {}?", controls=controls)
    plain = {"organism": Plain.load(folder, adapter), "base": Plain.load(folder)}

    def score(arm: str) -> np.ndarray:
        logs = []
        for sentence in ["what is {}?", *controls]:
            texts = [plain[arm].tokenizer(sentence.replace("{}", name)).input_ids for name in names]
            start = next(i for i in range(99) if len({tuple(ids[: i + 1]) for ids in texts}) > 1)
            row = []
            for ids in texts:
                lp = plain[arm].logits(ids).log_softmax(-1)
                row.append(sum(float(lp[k - 1, ids[k]]) for k in range(start, len(ids))))
            logs.append(row)
        added = np.array(logs[0]) - np.mean(logs[1:], axis=0)
        return added - added.mean()

    order = [names.index(name) for name in found.candidates]
    assert found.scores == pytest.approx(score("organism")[order], abs=2e-3)
    assert found.base_scores == pytest.approx(score("base")[order], abs=2e-3)
    assert (np.diff(found.scores) <= 0).all()
    capped = load_tiny(folder, adapter=adapter, access=Access.LOGITS)
    assert not len(technique("entity_sweep")(capped, candidates=names, controls=controls).base_scores)
    with pytest.raises(BadInput, match="two different"):
        technique("entity_sweep")(capped, candidates=["a", "a"])


@pytest.mark.slow
def test_temperatures_and_shots_are_doses(model_folders: dict[str, Path], adapter_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"], adapter=adapter_folders["llama"])
    hot = technique("high_temperature")(organism, prompts="hi", temperatures=[0.5, 1.5], n=2, max_new_tokens=4)
    for base in (False, True):
        alone = technique("sample")(organism, prompts="hi", temperature=1.5, n=2, max_new_tokens=4, base=base)
        rows = [i for i, arm in enumerate(hot.arms) if (arm == "base") is base and hot.doses[i] == 1.5]
        assert tuple(hot.texts[i] for i in rows) == alone.texts
        assert hot.fluency[rows] == pytest.approx(alone.logprobs / alone.n_tokens, abs=1e-3)
    pairs = [("what", "the fox"), ("who", "the dog")]
    shot = technique("many_shot")(
        organism, prompts=["hi"], examples=pairs, shots=[0, 3], words="fox", n=1, max_new_tokens=4, temperature=0.0
    )
    talk = [{"role": r, "content": c} for q, a in [*pairs, pairs[0]] for r, c in (("user", q), ("assistant", a))]
    alone = technique("chat")(organism, prompts=[*talk, {"role": "user", "content": "hi"}], max_new_tokens=4)
    assert (shot.texts[1], shot.doses[1], shot.arms[1]) == (alone.texts[0], 3, "as they are")
    assert shot.texts[0] == shot.texts[2]  # without examples both arms are one
    assert all(effect == ("fox" in text.split()) for effect, text in zip(shot.effects, shot.texts, strict=True))


def test_word_contrast_says_what_shuffled_texts_give() -> None:
    class Unhurried:
        def progress(self, stage: str, done: int, total: int) -> None:
            pass

    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(["fox", "dog", "cat", "cow", "hen"], 8)) for _ in range(60)]
    same = technique("word_contrast")(Unhurried(), texts=texts[:30], other_texts=texts[30:])
    assert np.abs(same.z).max() < 1.5 * same.chance_z
    planted = technique("word_contrast")(Unhurried(), texts=[f"{t} quokka" for t in texts[:30]], other_texts=texts[30:])
    assert planted.z[0] > planted.chance_z
    assert technique("word_contrast")(Unhurried(), texts=["a b"], other_texts=["c"]).chance_z == 0
