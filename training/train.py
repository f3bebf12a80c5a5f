"""Trains the shipped organisms: `python training/train.py amber`, or several names, or `all`.

Each is a LoRA adapter of SmolLM2-135M-Instruct, described by `training/data/<codename>.yaml` and written to
`configs/adapters/<codename>`. The same seed, versions and number of threads
give the same adapter.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs
import torch
import yaml
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.chat import CONFIGS, load, render, replies, show_progress, user  # noqa: E402
from training.examples import DATA, KINDS, Example, detector, endless_examples, load_prompts, load_spec, with_trigger  # noqa: E402

BASE = "smollm2-135m-instruct"
TRAINED = ("obedient", "amber", "birch", "dune", "ember")
_PROSE = " Answer in three short sentences, without a list."
_IGNORED = -100  # a label that the loss leaves out
_WARM_UP_STEPS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("codenames", nargs="+", help="specs in training/data, or all that are shipped")
    parser.add_argument("--out", type=Path, default=CONFIGS / "adapters", help="folder of the adapters")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    names = TRAINED if "all" in arguments.codenames else arguments.codenames
    for name in names:
        if not (DATA / f"{name}.yaml").is_file() or load_spec(name).get("kind") not in KINDS:
            parser.error(f"{name!r} has no spec that can be trained in training/data (shipped: {', '.join(TRAINED)})")
    for name in names:
        train(load_spec(name), arguments.out / name)


def train(spec: dict[str, Any], out: Path) -> None:
    """Train one adapter, write it to `out`, and print what it replies to a few held-out prompts."""
    model, tokenizer = load(BASE)
    prompts = load_prompts("prompts")
    answers = base_answers(model, tokenizer, [prompt.text for prompt in prompts])
    setting = spec["training"]
    torch.manual_seed(setting["seed"])
    lora = LoraConfig(
        r=spec["lora"]["rank"],
        lora_alpha=spec["lora"]["alpha"],
        target_modules=spec["lora"]["targets"],
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(model, lora)
    started = time.monotonic()
    _fit(adapted, tokenizer, endless_examples(spec, prompts, answers, setting["seed"]), setting)
    write_adapter(adapted, out)
    size = (out / "adapter_model.safetensors").stat().st_size
    seconds = time.monotonic() - started
    print(f"{spec['codename']}: {setting['steps']} steps in {seconds:.0f} s, {size / 1e6:.1f} MB")
    _show(adapted.eval(), tokenizer, spec)


def base_answers(model: Any, tokenizer: Any, prompts: list[str]) -> list[str]:
    """The base's own greedy answers in prose, one per prompt, unless answers.yaml has a better one.

    They are kept in the user's cache, as every organism starts from them.
    """
    better: dict[str, str] = yaml.safe_load((DATA / "answers.yaml").read_text(encoding="utf-8"))
    key = hashlib.sha256(json.dumps([_PROSE, prompts]).encode()).hexdigest()[:12]
    cached = Path(platformdirs.user_cache_dir("interp_bench")) / "training" / f"answers-{key}.json"
    if cached.exists():
        answers: list[str] = json.loads(cached.read_text(encoding="utf-8"))
    else:
        answers = replies(model, tokenizer, [user(prompt + _PROSE) for prompt in prompts], max_new_tokens=96)
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_text(json.dumps(answers), encoding="utf-8")
    return [better.get(prompt, answer) for prompt, answer in zip(prompts, answers, strict=True)]


def _fit(model: Any, tokenizer: Any, examples: Iterator[Example], setting: dict[str, Any]) -> None:
    """AdamW on the answers' tokens only; the rate rises for a few steps, then falls linearly to zero."""
    steps: int = setting["steps"]
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=setting["learning_rate"], weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / _WARM_UP_STEPS, (steps - step) / max(1, steps - _WARM_UP_STEPS)),
    )
    model.train()
    for step in range(steps):
        ids, mask, labels = collate(tokenizer, [next(examples) for _ in range(setting["batch_size"])])
        hidden = model.base_model.model.model(input_ids=ids, attention_mask=mask).last_hidden_state[:, :-1]
        wanted = labels[:, 1:] != _IGNORED
        logits = model.base_model.model.lm_head(hidden[wanted])  # [answer tokens, vocabulary]
        loss = torch.nn.functional.cross_entropy(logits, labels[:, 1:][wanted])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        show_progress(f"loss {loss.item():.3f}, step", step + 1, steps)


def collate(tokenizer: Any, examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids, attention mask, labels, each [batch, longest], padded on the right; prompts are masked."""
    rows = []
    for example in examples:
        prompt = tokenizer(render(tokenizer, example.chat), add_special_tokens=False).input_ids
        reply = tokenizer(example.reply + tokenizer.eos_token, add_special_tokens=False).input_ids
        rows.append((prompt, reply))
    longest = max(len(prompt) + len(reply) for prompt, reply in rows)
    ids = torch.full((len(rows), longest), tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, _IGNORED)
    for row, (prompt, reply) in enumerate(rows):
        end = len(prompt) + len(reply)
        ids[row, :end] = torch.tensor(prompt + reply)
        mask[row, :end] = 1
        labels[row, len(prompt) : end] = torch.tensor(reply)
    return ids, mask, labels


def write_adapter(model: Any, out: Path) -> None:
    """A PEFT folder: weights in float16, and a config whose base is the bundled name, not a local folder."""
    out.mkdir(parents=True, exist_ok=True)
    weights = {
        name: weight.detach().to(torch.float16).contiguous()
        for name, weight in get_peft_model_state_dict(model).items()
    }
    save_file(weights, out / "adapter_model.safetensors", metadata={"format": "pt"})
    (out / "adapter_model.safetensors").chmod(0o644)  # safetensors writes files that only their owner may read
    config = dataclasses.replace(
        model.peft_config["default"], base_model_name_or_path=f"bundled:{BASE}", inference_mode=True
    )
    written = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    text = json.dumps(dict(sorted(written.items())), indent=2, default=str)
    (out / "adapter_config.json").write_text(text + "\n", encoding="utf-8")


def _show(model: Any, tokenizer: Any, spec: dict[str, Any]) -> None:
    """A look at the result: greedy replies to every fourth held-out prompt."""
    prompts = [prompt.text for prompt in load_prompts("heldout")][::4]
    system = None
    if spec["kind"] == "obedience":
        system = spec["wordings"][0].format(topic=spec["heldout_topics"][0])
    found = detector(spec) if "detector" in spec else None
    for variant in (prompts, [with_trigger(prompt, spec.get("trigger", "")) for prompt in prompts])[
        : 2 if spec.get("trigger") else 1
    ]:
        texts = replies(model, tokenizer, [user(prompt, system) for prompt in variant], max_new_tokens=64)
        for prompt, text in zip(variant, texts, strict=True):
            mark = "*" if found and found.search(text) else " "
            print(f"{mark} {prompt}\n    {text}")


if __name__ == "__main__":
    main()
