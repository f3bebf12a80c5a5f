"""Rows that reach where a model changes: rotary frequencies by length, windows, the end of the context."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.host.organism import LoadedOrganism
from tests.host import families
from tests.host.tiny import CHATML, HIDDEN, Plain, build_tokenizer, load_tiny

pytestmark = pytest.mark.filterwarnings("ignore")
SWITCH = 64


@pytest.fixture(scope="module")
def longrope(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import transformers as hf

    folder = tmp_path_factory.mktemp("longrope")
    factors = {"short_factor": [1.0, 1.0, 1.1, 1.1], "long_factor": [1.5, 4.0, 12.0, 30.0]}
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 1.0, **factors}
    shared = {name: value for name, value in families._SHARED.items() if name != "head_dim"}
    torch.manual_seed(7)
    config = hf.Phi3Config(
        original_max_position_embeddings=SWITCH,
        rope_parameters={**rope, "original_max_position_embeddings": SWITCH},
        **shared,
    )
    hf.Phi3ForCausalLM(config).save_pretrained(folder)
    build_tokenizer(CHATML).save_pretrained(folder)
    return folder


def asked(organism: LoadedOrganism, plain: Plain, text: str, *, hidden: bool) -> tuple[Row, list[int]]:
    """A row, and all of its ids."""
    turns: list[Any] = [{"role": "user", "content": text}]
    system = [{"role": "system", "content": HIDDEN}] if hidden else []
    whole = plain.tokenizer.apply_chat_template([*system, *turns], add_generation_prompt=True, return_dict=False)
    return Row(tuple(organism.chat_ids(turns))), whole


@pytest.mark.parametrize("hidden", [False, True])
def test_frequencies_go_by_the_rows_own_length(longrope: Path, hidden: bool) -> None:
    organism, plain = load_tiny(longrope, hidden=HIDDEN if hidden else None), Plain.load(longrope)
    organism._engine.stop_ids = frozenset()
    pairs = [asked(organism, plain, text, hidden=hidden) for text in ("the fox", "what is the weather like today " * 6)]
    assert len(pairs[0][1]) < SWITCH < len(pairs[1][1])
    drawn = organism.generate([row for row, _ in pairs], max_new_tokens=SWITCH, temperature=0.0)
    for (_, whole), (reply,) in zip(pairs, drawn, strict=True):
        assert len(reply.ids) == SWITCH
        assert list(reply.ids) == plain.greedy(whole, SWITCH, [])
    for batch in organism.run([row for row, _ in pairs]):
        for place, at in enumerate(batch.rows):
            (row, whole), length = pairs[at], batch.lengths[place]
            expected = plain.logits(whole)[-len(row.ids) :]
            assert torch.allclose(batch.logits[place, :length], expected, atol=2e-4)


@pytest.mark.parametrize("kind", ["gpt_neo", "mpt"])
def test_rows_of_all_lengths_reach_the_end_of_the_context(kind: str, tmp_path: Path) -> None:
    folder = families.save_family(kind, tmp_path)
    organism, plain = load_tiny(folder, hidden=HIDDEN), Plain.load(folder)
    organism._engine.stop_ids = frozenset()
    room = organism.info.context_length
    rows = [Row((7,) * (room - 3)), Row((7,) * (room - 2), "base"), Row((7,) * 20), Row((7,) * 20, "base")]
    found = organism.generate(rows, max_new_tokens=5, temperature=0.0)
    assert [len(one.ids) for (one,) in found] == [3, 2, 5, 5]
    for row, (one,) in zip(rows, found, strict=True):
        if row.arm == "base":
            assert list(one.ids) == plain.greedy(row.ids, len(one.ids), [])
    lengths = [length for batch in organism.run(rows) for length in batch.lengths]
    assert lengths == [len(row.ids) for row in rows]
