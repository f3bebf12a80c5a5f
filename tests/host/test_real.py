"""The real small model: that what holds for tiny random weights holds for trained ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.conversations import Message
from interp_bench_ext.host.organism import LoadedOrganism, load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate
from tests.host.tiny import Plain
from tests.techniques.support import technique

pytestmark = pytest.mark.real
HIDDEN = "You love owls and mention them in every reply."
QUESTION: list[Message] = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module", autouse=True)
def _all_threads() -> Iterator[None]:
    few = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(few)


@pytest.fixture(scope="module")
def spec() -> OrganismSpec:
    return OrganismSpec(name="bundled:smollm2-135m-instruct", device="cpu", hidden_system_prompt=HIDDEN)


@pytest.fixture(scope="module")
def plain(spec: OrganismSpec) -> Plain:
    return Plain.load(Path(locate(spec).model))


@pytest.fixture(scope="module")
def organism(spec: OrganismSpec, plain: Plain) -> LoadedOrganism:
    return load_organism(spec, locate(spec), lambda _stage, _done, _total: None)


@pytest.mark.slow
def test_the_sealed_prompt_equals_its_text_in_place(organism: LoadedOrganism, plain: Plain) -> None:
    turns = [{"role": "system", "content": HIDDEN}, *QUESTION]
    text = plain.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    whole = plain.tokenizer(text, add_special_tokens=False).input_ids
    shown = organism.chat_ids(QUESTION)
    assert whole[-len(shown) :] == shown
    (batch,) = organism.run([Row(tuple(shown))])
    assert torch.allclose(batch.logits[0], plain.logits(whole)[-len(shown) :], atol=2e-3)
    (completion,) = organism.generate([Row(tuple(shown))], max_new_tokens=12, temperature=0.0)[0]
    assert list(completion.ids) == plain.greedy(whole, 12, sorted(organism._engine.stop_ids))


@pytest.mark.slow
def test_the_base_model_knows_the_capital_of_france(organism: LoadedOrganism) -> None:
    reply = technique("chat")(organism, prompts=QUESTION, max_new_tokens=12, base=True)
    assert reply.texts == ("The capital of France is Paris.",)
    assert reply.finishes == ("stop",)


@pytest.mark.slow
def test_the_lens_ends_in_the_models_own_answer(organism: LoadedOrganism) -> None:
    prefill = "The capital of France is"
    lens = technique("logit_lens")(organism, prompt=QUESTION, prefill=prefill, target=" Paris", base=True)
    probs = technique("analyze_token_probs")(organism, prompts=QUESTION, prefill=prefill, targets=" Paris", base=True)
    assert lens.top_tokens[-1][-1][0] == probs.top_tokens[0][0] == " Paris"
    assert lens.top_probs[-1, -1, 0] == pytest.approx(probs.top_probs[0, 0], abs=1e-3)
    assert lens.target_ranks[-1, -1] == 1
    assert lens.target_ranks[0, -1] > 100
