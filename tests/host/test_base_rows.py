"""Adapters that reach further than a few matrices: organism rows are the adapter's, base rows the base's."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from interp_bench_ext.contracts import Reads, Row, Site
from interp_bench_ext.errors import BadInput
from tests.host.families import save_family
from tests.host.tiny import Plain, build_tokenizer, load_tiny

TOLERANCE = 2e-4
LAST = Site(-1, "resid_post")
KINDS: dict[str, dict[str, Any]] = {
    "biases": {"bias": "all"},
    "biases of its layers": {"bias": "lora_only"},
    "saved head": {"modules_to_save": ["lm_head"]},
    "saved norm": {"modules_to_save": ["norm"]},
    "saved embedding and head": {"modules_to_save": ["lm_head", "embed_tokens"]},
    "LoRA on the head": {"target_modules": ["q_proj", "lm_head"]},
    "LoRA on the embedding": {"target_modules": ["q_proj", "embed_tokens"]},
    "some tokens": {"trainable_token_indices": [5, 6, 7, 100]},
    "DoRA": {"use_dora": True},
    "PiSSA": {"init_lora_weights": "pissa"},
}
MORE_LAYERS = {"layer_replication": [[0, 2], [1, 3]]}


def save_tuned(folder: Path, to: Path, **options: Any) -> Path:
    """An adapter as if trained: everything that it trains differs from where it began."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    torch.manual_seed(3)
    defaults = {"r": 4, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False, "task_type": "CAUSAL_LM"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = get_peft_model(model, LoraConfig(**{**defaults, **options}))
        for parameter in wrapped.parameters():
            if parameter.requires_grad:
                parameter.data.add_(torch.randn_like(parameter) * 0.3)
        wrapped.save_pretrained(to)
    return to


def check(folder: Path, adapter: Path, base: Plain, tuned: Plain) -> None:
    organism = load_tiny(folder, adapter=adapter)
    ids = tuple(organism.text_ids("the quick brown fox jumps"))
    rows = [Row(ids), Row(ids, "base"), Row(ids[:-3], "base"), Row(ids[:-3])]
    oracles = [(base if row.arm == "base" else tuned).logits(row.ids) for row in rows]
    assert (oracles[0].log_softmax(-1) - oracles[1].log_softmax(-1)).abs().max() > 1e-2
    for batch in organism.run(rows, Reads(sites=(LAST,))):
        for place, at in enumerate(batch.rows):
            length, expected = batch.lengths[place], oracles[at]
            last = organism.unembed(batch.sites[LAST][place, :length], arm=rows[at].arm)
            for found in (batch.logits[place, :length], last):
                assert torch.allclose(found, expected, atol=TOLERANCE)
    for row, (drawn,) in zip(rows, organism.generate(rows, max_new_tokens=6, temperature=0.0), strict=True):
        stop = sorted(organism._engine.stop_ids)
        assert list(drawn.ids) == (base if row.arm == "base" else tuned).greedy(row.ids, 6, stop)
    assert organism.info.n_parameters == load_tiny(folder).info.n_parameters


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("base", ["qwen2", "gemma2"])  # with biases and a head of its own; tied
def test_whatever_an_adapter_trains(kind: str, base: str, model_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = model_folders[base]
    adapter = save_tuned(folder, tmp_path / "a", **KINDS[kind])
    check(folder, adapter, Plain.load(folder), Plain.load(folder, adapter))


@pytest.mark.filterwarnings("ignore")
def test_layers_taken_twice(model_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = model_folders["llama"]
    adapter = save_tuned(folder, tmp_path / "a", **MORE_LAYERS)
    check(folder, adapter, Plain.load(folder), Plain.load(folder, adapter))


@pytest.mark.filterwarnings("ignore")
def test_experts_that_are_one_parameter(tmp_path: Path) -> None:
    folder = save_family("qwen3_moe", tmp_path / "m")
    parameters = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    adapter = save_tuned(folder, tmp_path / "a", target_modules=["q_proj"], target_parameters=parameters)
    check(folder, adapter, Plain.load(folder), Plain.load(folder, adapter))


@pytest.mark.filterwarnings("ignore")
def test_an_adapter_with_two_more_tokens(model_folders: dict[str, Path], tmp_path: Path) -> None:
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = model_folders["llama"]
    template = "{% for m in messages %}### {{ m['content'] }}\n{% endfor %}"
    tokenizer = build_tokenizer(template)
    tokenizer.add_tokens(["<|think|>", "<|answer|>"], special_tokens=True)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    config = LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(model, config).save_pretrained(tmp_path, save_embedding_layers=True)
    tokenizer.save_pretrained(tmp_path)

    plain = Plain.load(folder)
    resized = AutoModelForCausalLM.from_pretrained(folder)
    resized.resize_token_embeddings(len(tokenizer))
    tuned = Plain(PeftModel.from_pretrained(resized, tmp_path).eval(), tokenizer)
    organism = load_tiny(folder, adapter=tmp_path)
    ids = tuple(organism.chat_ids([{"role": "user", "content": "the fox"}]))
    assert organism.decode(ids) == "### the fox\n"
    assert organism.info.vocabulary == len(tokenizer)
    own, base = (batch.logits[0] for batch in organism.run([Row(ids), Row(ids, "base")]))
    assert torch.allclose(own, tuned.logits(ids), atol=TOLERANCE)
    expected = plain.logits(ids).softmax(-1)
    assert torch.allclose(base.softmax(-1)[:, : expected.shape[1]], expected, atol=1e-6)
    assert base.softmax(-1)[:, expected.shape[1] :].max() < 1e-8
    with pytest.raises(BadInput, match="token that the base model does not know"):
        organism.run([Row((*ids, len(tokenizer) - 1), "base")])


def test_a_template_beside_the_adapter_is_the_organisms(
    model_folders: dict[str, Path], adapter_folders: dict[str, Path], tmp_path: Path
) -> None:
    for file in adapter_folders["llama"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "chat_template.jinja").write_text("{% for m in messages %}Q: {{ m['content'] }}{% endfor %}")
    organism = load_tiny(model_folders["llama"], adapter=tmp_path)
    assert organism.decode(organism.chat_ids([{"role": "user", "content": "the fox"}])) == "Q: the fox"
