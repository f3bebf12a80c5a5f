"""Answers about activations, against plain transformers and peft with one hook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Access, Row
from interp_bench_ext.errors import AccessDenied, BadInput
from tests.host.reference_hooks import PLACES, hooked
from tests.host.tiny import HIDDEN, LoadedOrganism, Plain, load_tiny, save_adapter
from tests.techniques.support import technique

PROMPT, QUESTION, LAYER, INTO = "what is the weather?", "what does the fox like", 2, 1
QUICK = {"n": 1, "temperature": 0.0, "max_new_tokens": 6}


@pytest.fixture(scope="module")
def oracle_folder(tmp_path_factory: pytest.TempPathFactory, model_folders: dict[str, Path]) -> Path:
    """An adapter of the same base as the organism's, and another one."""
    return save_adapter(model_folders["llama"], tmp_path_factory.mktemp("oracle"), seed=11)


@pytest.fixture(scope="module")
def organism(model_folders: dict[str, Path], adapter_folders: dict[str, Path], oracle_folder: Path) -> LoadedOrganism:
    return load_tiny(model_folders["llama"], adapter=adapter_folders["llama"], oracle=oracle_folder)


def streams(plain: Plain, ids: list[int]) -> torch.Tensor:
    """``[T, width]`` after the block whose activations are asked about."""
    found: list[torch.Tensor] = []

    def keep(out: torch.Tensor) -> torch.Tensor:
        found.append(out[0].detach().clone())
        return out

    with hooked(plain.model, PLACES["llama"]["resid_post"], LAYER, keep):
        plain.logits(ids)
    return found[0]


def question_ids(plain: Plain, n: int) -> tuple[list[int], list[int]]:
    """The rendered question, and the places of the last byte of each placeholder."""
    text = f"Layer: {LAYER}\n{' ?' * n} \n{QUESTION}"
    turn = [{"role": "user", "content": text}]
    ids = plain.tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=True, return_dict=False)
    mark = plain.tokenizer.convert_tokens_to_ids("?")
    return list(ids), [place for place, token in enumerate(ids) if token == mark]


def asked(plain: Plain, ids: list[int], at: list[int], vectors: torch.Tensor, coefficient: float) -> torch.Tensor:
    """``[T, vocabulary]``: the oracle's logits with the vectors added, each at the length of the stream there."""

    def change(out: torch.Tensor) -> torch.Tensor:
        out = out.clone()
        for place, vector in zip(at, vectors, strict=True):
            here = out[0, place]
            out[0, place] = here + coefficient * here.norm() * vector / vector.norm()
        return out

    with hooked(plain.model, PLACES["llama"]["resid_post"], INTO, change):
        return plain.logits(ids)


def drawn(n: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn((n, width), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("coefficient", [1.0, 2.5])
def test_answers_and_their_worth_are_those_of_plain_modules_with_a_hook(
    organism: LoadedOrganism,
    model_folders: dict[str, Path],
    adapter_folders: dict[str, Path],
    oracle_folder: Path,
    coefficient: float,
) -> None:
    at = [3, 5, -2]
    found = technique("activation_oracle")(
        organism,
        prompt=PROMPT,
        questions=QUESTION,
        positions=at,
        layer=LAYER,
        into=INTO,
        coefficient=coefficient,
        **QUICK,
    )
    folder = model_folders["llama"]
    base, tuned, oracle = (
        Plain.load(folder),
        Plain.load(folder, adapter_folders["llama"]),
        Plain.load(folder, oracle_folder),
    )
    ids = organism.chat_ids([{"role": "user", "content": PROMPT}])
    width = organism.info.width
    held = {
        "organism": streams(tuned, ids)[at],
        "base": streams(base, ids)[at],
        "random activations": drawn(3, width, 0),
    }
    start, places = question_ids(oracle, len(at))
    assert found.arms == ("organism", "base", "random activations")
    for row, arm in enumerate(found.arms):
        written: list[int] = []
        while len(written) < 6 and not (written and written[-1] in organism.stop_ids):
            logits = asked(oracle, [*start, *written], places, held[arm], coefficient)
            written.append(int(logits[-1].argmax()))
        said = [token for token in written if token not in organism.stop_ids]
        assert found.texts[row] == organism.decode(said)
        assert found.n_tokens[row] == len(written)
        logs = [
            asked(oracle, [*start, *written], places, vectors, coefficient)[len(start) - 1 : -1].log_softmax(-1)
            for vectors in (held[arm], drawn(3, width, 1))
        ]
        own, other = (float(each.gather(1, torch.tensor(written)[:, None]).mean()) for each in logs)
        assert found.gains[row] == pytest.approx(own - other, abs=1e-4)
    assert np.abs(found.gains).max() > 1e-3
    assert found.tokens == tuple(organism.token_strings([ids[place] for place in at]))


def test_random_activations_give_other_answers(organism: LoadedOrganism) -> None:
    found = technique("activation_oracle")(organism, prompt=PROMPT, questions=QUESTION, n=6, max_new_tokens=12, seed=2)
    by_arm = {
        arm: [text for text, own in zip(found.texts, found.arms, strict=True) if own == arm] for arm in found.arms
    }
    assert len(by_arm) == 3
    assert (
        sum(one != other for one, other in zip(*(by_arm[arm] for arm in ("organism", found.control)), strict=True)) > 1
    )


def test_without_strength_nothing_is_told_of_the_activations(
    organism: LoadedOrganism, model_folders: dict[str, Path], oracle_folder: Path
) -> None:
    found = technique("activation_oracle")(
        organism, prompt=PROMPT, questions=QUESTION, positions=[-1], layer=LAYER, coefficient=0.0, **QUICK
    )
    plain = Plain.load(model_folders["llama"], oracle_folder)
    ids, _ = question_ids(plain, 1)
    written = plain.greedy(ids, 6, sorted(organism.stop_ids))
    expected = organism.decode([token for token in written if token not in organism.stop_ids])
    assert set(found.texts) == {expected}
    assert np.abs(found.gains).max() < 1e-5


def test_each_question_is_asked_by_itself_of_each_kind(organism: LoadedOrganism) -> None:
    ask = technique("activation_oracle")
    how: dict[str, Any] = {"prompt": PROMPT, "layer": LAYER, **QUICK}
    both = ask(organism, questions=[QUESTION, "hi?"], **how)
    assert both.prompts == (QUESTION, "hi?") * 3
    alone = ask(organism, questions="hi?", **how)
    assert both.texts[1::2] == alone.texts
    assert len(alone.tokens) == len(organism.chat_ids([{"role": "user", "content": PROMPT}]))


def test_without_access_to_the_base_its_activations_are_left_out(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path], oracle_folder: Path
) -> None:
    ask = technique("activation_oracle")

    def load(access: Access) -> LoadedOrganism:
        folders = {"adapter": adapter_folders["llama"], "oracle": oracle_folder}
        return load_tiny(model_folders["llama"], access=access, hidden=HIDDEN, **folders)

    found = ask(load(Access.ACTIVATIONS), prompt=PROMPT, questions=QUESTION, **QUICK)
    assert found.arms == ("organism", "random activations")
    with pytest.raises(AccessDenied, match="needs access to activations"):
        ask(load(Access.LOGITS), prompt=PROMPT, questions=QUESTION, **QUICK)
    whole = ask(load(Access.BASE), prompt=PROMPT, questions=QUESTION, **QUICK)
    assert whole.texts[0] == found.texts[0]
    assert set(whole.arms) == {"organism", "random activations", "base"}


def test_raw_text_is_read_and_a_model_without_a_template_is_asked_plainly(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    folder, adapter = model_folders["gpt2"], adapter_folders["gpt2"]
    organism = load_tiny(folder, adapter=adapter, oracle=adapter)
    found = technique("activation_oracle")(
        organism, prompt="the fox", prefill=" is", questions="hi?", raw=True, **QUICK
    )
    assert found.tokens == tuple(organism.token_strings(organism.text_ids("the fox is")))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"questions": []}, "a question without words"),
        ({"questions": ["hi", " "]}, "a question without words"),
        ({"coefficient": -1.0}, "coefficient is a number from 0 on"),
        ({"coefficient": float("inf")}, "coefficient is a number from 0 on"),
        ({"layer": 3}, "There is no layer 3"),
        ({"into": -9}, "There is no layer -9"),
        ({"positions": [99]}, "positions go from"),
        ({"positions": []}, "positions is empty"),
        ({"prompt": [{"role": "user", "content": "hi"}], "raw": True}, "the prompt is a text, not a conversation"),
    ],
)
def test_bad_input_is_one_sentence(organism: LoadedOrganism, how: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        technique("activation_oracle")(organism, **{"prompt": PROMPT, "questions": QUESTION, **QUICK, **how})


def test_without_an_oracle_it_is_said(model_folders: dict[str, Path]) -> None:
    bare = load_tiny(model_folders["llama"])
    with pytest.raises(BadInput, match=r"names no oracle \(model.oracle\)"):
        technique("activation_oracle")(bare, prompt=PROMPT, questions=QUESTION)
    with pytest.raises(BadInput, match=r"names no oracle of activations \(model.oracle\)"):
        bare.text_ids("a", arm="oracle")
    with pytest.raises(BadInput, match="names no oracle"):
        bare.generate([Row((1, 2), "oracle")])
