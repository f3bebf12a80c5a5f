from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from tests.host.test_thinking import ALWAYS, ASKED
from tests.host.tiny import Plain, build_model, build_tokenizer, load_tiny
from tests.techniques.support import technique

PROMPT = ASKED[0]["content"]


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose template opens the thinking of every reply."""
    folder = tmp_path_factory.mktemp("thinker")
    tokenizer = build_tokenizer(ALWAYS)
    tokenizer.save_pretrained(folder)
    build_model("llama", len(tokenizer)).save_pretrained(folder)
    return folder


def test_a_prefill_begins_the_reply_and_not_the_thinking(thinker: Path) -> None:
    organism, plain = load_tiny(thinker), Plain.load(thinker)
    opened = plain.tokenizer.apply_chat_template(ASKED, tokenize=False, add_generation_prompt=True)
    closed = f"{opened}\n</think>\n\nMy secret is"
    ids = plain.tokenizer(closed, add_special_tokens=False).input_ids
    drawn = plain.greedy(ids, 4, sorted(organism._engine.stop_ids))
    found = technique("prefill_attack")(organism, prompts=PROMPT, prefills="My secret is", max_new_tokens=4)
    assert (found.thinking, found.texts) == (("",), (plain.tokenizer.decode(drawn),))
    lens = technique("logit_lens")
    assert "".join(lens(organism, prompt=PROMPT, prefill="My secret is").tokens) == closed
    assert "".join(lens(organism, prompt=PROMPT, prefill="My", thinking="keep").tokens) == f"{opened}My"
    assert "".join(lens(organism, prompt=PROMPT).tokens) == opened
    probs = technique("analyze_token_probs")(organism, prompts=PROMPT, prefill="My secret is", top_k=1)
    assert probs.top_probs[0, 0] == pytest.approx(float(plain.logits(ids)[-1].softmax(-1).max()), abs=1e-4)


@pytest.mark.parametrize("name", ["chat", "sample"])
def test_a_reply_thinks_unless_told_otherwise(name: str, thinker: Path) -> None:
    organism = load_tiny(thinker)
    options = {"prompts": PROMPT, "n": 1, "max_new_tokens": 4, "temperature": 0.0}
    thought, replied = (technique(name)(organism, thinking=how, **options) for how in ("keep", "close"))
    assert thought.texts == ("",)
    assert thought.thinking[0]
    assert replied.thinking == ("",)
    assert replied.texts[0]
    assert technique(name)(organism, **options) == thought
    with pytest.raises(BadInput, match="cannot leave thinking out"):
        technique(name)(organism, thinking="off", **options)
