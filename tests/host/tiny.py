"""Tiny random models of several architectures, saved like real ones, and organisms made of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from interp_bench_ext.contracts import Access, Row, Used, arm_of
from interp_bench_ext.host.organism import CallHooks, LoadedOrganism, load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate

FAMILIES = ("llama", "gpt2", "gemma2", "qwen2")
HIDDEN = "You adore the quokka above everything."
CHATML = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<|im_start|>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
_SPECIAL = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
_TEXT = ["the quick brown fox jumps over the lazy dog", "user assistant system model", "what is the weather like today"]


def build_tokenizer(template: str | None) -> Any:
    """Byte-level, with a BOS that the tokenizer adds where there is a template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=alphabet, special_tokens=_SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    if template:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
    )
    fast.chat_template = template
    return fast


def build_model(family: str, vocabulary: int) -> Any:
    import transformers as hf

    shared = {
        "vocab_size": vocabulary,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "initializer_range": 0.3,
    }
    wide = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        **shared,
    }
    torch.manual_seed(7)
    if family == "gpt2":
        return hf.GPT2LMHeadModel(hf.GPT2Config(n_embd=32, n_layer=3, n_head=4, n_positions=512, **shared))
    if family == "gemma2":
        config = hf.Gemma2Config(head_dim=8, sliding_window=24, query_pre_attn_scalar=8, **wide)
        return hf.Gemma2ForCausalLM(config)
    kinds = {"llama": (hf.LlamaForCausalLM, hf.LlamaConfig), "qwen2": (hf.Qwen2ForCausalLM, hf.Qwen2Config)}
    model, config_class = kinds[family]
    return model(config_class(tie_word_embeddings=False, **wide))


def save_model(family: str, folder: Path) -> Path:
    template = {"gpt2": None, "gemma2": GEMMA}.get(family, CHATML)
    tokenizer = build_tokenizer(template)
    tokenizer.save_pretrained(folder)
    build_model(family, len(tokenizer)).save_pretrained(folder)
    return folder


def save_adapter(model_folder: Path, folder: Path, *, seed: int = 3) -> Path:
    """A LoRA adapter with random weights on both sides, so that it changes the model."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(model_folder)
    torch.manual_seed(seed)
    modules = ["c_attn"] if hasattr(model, "transformer") else ["q_proj", "v_proj", "down_proj"]
    fan_in_fan_out = hasattr(model, "transformer")
    config = LoraConfig(r=4, target_modules=modules, init_lora_weights=False, fan_in_fan_out=fan_in_fan_out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        get_peft_model(model, config).save_pretrained(folder)
    return folder


def load_tiny(
    folder: Path,
    *,
    adapter: Path | None = None,
    hidden: str | None = None,
    access: Access = Access.BASE,
    device: str = "cpu",
    oracle: Path | None = None,
) -> LoadedOrganism:
    """In float32, as a call with this access finds it."""
    spec = OrganismSpec(
        name=str(adapter or folder),
        is_peft=adapter is not None,
        device=device,
        dtype="float32",
        base_model=str(folder) if adapter else None,
        hidden_system_prompt=hidden,
        oracle=str(oracle) if oracle else None,
    )
    organism = load_organism(spec, locate(spec), _unheard)
    return organism.serving(CallHooks("this technique", _unheard, access, _uncounted))


def _unheard(_stage: str, _done: int, _total: int) -> None:
    pass


def _uncounted(_more: Used) -> None:
    pass


def mixed_rows(organism: LoadedOrganism) -> list[Row]:
    """Texts of different lengths, each as the organism and as its base would be given it."""
    texts = ("the quick brown fox jumps over", "a")
    return [
        Row(tuple(organism.text_ids(text, arm=arm_of(base))), arm_of(base)) for text in texts for base in (False, True)
    ]


@dataclass
class Plain:
    """The same model, loaded and run by Hugging Face alone: the oracle."""

    model: Any
    tokenizer: Any

    @classmethod
    def load(cls, folder: Path, adapter: Path | None = None) -> Plain:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        if adapter is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                model = PeftModel.from_pretrained(model, adapter)
        return cls(model.eval(), AutoTokenizer.from_pretrained(folder))

    @torch.no_grad()
    def logits(self, ids: list[int] | tuple[int, ...]) -> torch.Tensor:
        """``[T, vocabulary]``."""
        return self.model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0].float()

    def greedy(self, ids: list[int] | tuple[int, ...], new: int, stop: list[int]) -> list[int]:
        given = torch.tensor([list(ids)])
        out = self.model.generate(
            given,
            attention_mask=torch.ones_like(given),
            max_new_tokens=new,
            do_sample=False,
            eos_token_id=stop,
            pad_token_id=0,
        )
        return out[0, len(ids) :].tolist()
