"""Loading the bundled models with plain transformers and peft, and answering many chats in one batch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor, LogitsProcessorList

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
sys.path.insert(0, str(ROOT))

from interp_bench_ext.host.bundled import ensure_bundled  # noqa: E402

Chat = list[dict[str, str]]


def load(base: str, adapter: Path | None = None) -> tuple[Any, Any]:
    """The model `bundled:<base>` in float32 with its own adapter and `adapter` merged in; its tokenizer."""
    bundled = ensure_bundled(base, on_progress=show_progress)
    tokenizer = AutoTokenizer.from_pretrained(bundled.path, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(bundled.path, dtype=torch.float32, local_files_only=True)
    for folder in (bundled.adapter, adapter):
        if folder is not None:
            model = PeftModel.from_pretrained(model, folder).merge_and_unload()
    return model.eval(), tokenizer


def render(tokenizer: Any, chat: Chat) -> str:
    """The chat as text that ends where the assistant's reply begins."""
    return str(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))


@torch.inference_mode()
def replies(
    model: Any,
    tokenizer: Any,
    chats: Sequence[Chat],
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    batch_size: int = 32,
) -> list[str]:
    """One reply per chat, in order; greedy at temperature 0. Chats of similar length share a batch."""
    texts = [render(tokenizer, chat) for chat in chats]
    found: dict[int, str] = {}
    for rows in _batches(sorted(range(len(texts)), key=lambda row: len(texts[row])), batch_size):
        inputs = tokenizer(
            [texts[row] for row in rows],
            return_tensors="pt",
            padding=True,
            padding_side="left",
            add_special_tokens=False,
            return_token_type_ids=False,
        )
        drawn = LogitsProcessorList([_Draw(temperature, seed)]) if temperature else None
        output = model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False, logits_processor=drawn)
        new = output[:, inputs["input_ids"].shape[1] :]
        found.update(zip(rows, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True))
    return [found[row].strip() for row in range(len(texts))]


def _batches(rows: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


class _Draw(LogitsProcessor):  # type: ignore[misc]
    """Leaves one token per row, drawn from the tempered distribution: by cumulative sum and binary search, which on
    a CPU takes a fraction of the time of `torch.multinomial`.
    """

    def __init__(self, temperature: float, seed: int) -> None:
        self._temperature = temperature
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores [batch, vocabulary] -> 0 at the drawn token, minus infinity elsewhere."""
        sums = (scores / self._temperature).softmax(-1).cumsum(-1)
        uniform = torch.rand((len(scores), 1), generator=self._generator)
        drawn = torch.searchsorted(sums, uniform * sums[:, -1:], right=True).clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter_(-1, drawn, 0.0)


def user(prompt: str, system: str | None = None) -> Chat:
    """A chat of one user message, after an optional system prompt."""
    before = [] if system is None else [{"role": "system", "content": system}]
    return [*before, {"role": "user", "content": prompt}]


def show_progress(stage: str, done: int, total: int) -> None:
    """One line on stderr, rewritten as the work goes on; nothing where no terminal shows it."""
    if not sys.stderr.isatty():
        return
    sys.stderr.write(f"\r\x1b[K{stage}: {done}/{total}" + ("\n" if done >= total else ""))
    sys.stderr.flush()
