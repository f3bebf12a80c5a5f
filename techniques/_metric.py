"""Two prompts that differ, and the logit difference by which they are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from interp_bench_ext.contracts import Arm, Organism, Reads, Row
from interp_bench_ext.errors import BadInput

Part = Literal["resid_pre", "attn_out", "mlp_out", "head"]
SHORT: dict[Part, str] = {"resid_pre": "resid", "attn_out": "attn", "mlp_out": "mlp", "head": "head"}
"""What a grid calls them."""


def one_token(organism: Organism, text: str, what: str) -> int:
    """The id of ``text``, which is one token. Raises BadInput."""
    ids = organism.piece_ids(text)
    if len(ids) != 1:
        pieces = " ".join(repr(piece) for piece in organism.token_strings(ids)) or "none"
        raise BadInput(f"{what} is to be one token, and {text!r} is {len(ids)} ({pieces}): choose another word.")
    return ids[0]


@dataclass(frozen=True)
class Difference:
    """Logit of ``target`` less that of ``other``."""

    target: int
    other: int
    name: str

    @classmethod
    def of(cls, organism: Organism, target: str, other: str) -> Difference:
        """Raises BadInput where either is not one token, or both are the same."""
        ids = one_token(organism, target, "target"), one_token(organism, other, "other")
        if ids[0] == ids[1]:
            raise BadInput(f"target and other are the same token {target!r}: give two different ones.")
        return cls(*ids, f"logit of {target.strip()} less that of {other.strip()}")

    def value(self, logits: Any) -> Any:
        """Of logits ``[..., vocabulary]``."""
        return logits[..., self.target] - logits[..., self.other]


def last_values(organism: Organism, metric: Difference, rows: Sequence[Row]) -> Any:
    """``[rows]`` as an array: the difference behind each row's last token."""
    batches = organism.run(rows, Reads(positions=(-1,)))
    return np.concatenate([metric.value(batch.logits[:, 0]).cpu().numpy() for batch in batches])


@dataclass(frozen=True)
class Ends:
    """The difference on both prompts, between which effects are shares."""

    clean: float
    corrupt: float

    def share(self, change: Any) -> Any:
        """Changes of the difference as shares of the way from corrupt to clean; NaN where there is no way."""
        span = self.clean - self.corrupt
        return change / (span if abs(span) > 1e-6 else np.nan)

    def said(self, metric: Difference) -> str:
        return f"{metric.name}, share of clean {self.clean:+.2f} against corrupt {self.corrupt:+.2f}"


def prompt_ids(organism: Organism, text: str, prefill: str, raw: bool, arm: Arm = "organism") -> list[int]:
    """A user turn with the reply begun, or raw text."""
    if raw or not organism.info.chat_template:
        return organism.text_ids(text + prefill, arm=arm)
    return organism.chat_ids([{"role": "user", "content": text}], prefill=prefill, arm=arm, thinking="close")


Ids = list[int]


def pair(organism: Organism, clean: str, corrupt: str, prefill: str, raw: bool) -> tuple[Ids, Ids]:
    """Token ids of both prompts. Raises BadInput where their numbers differ: no position then stands for another."""
    ids = prompt_ids(organism, clean, prefill, raw), prompt_ids(organism, corrupt, prefill, raw)
    if len(ids[0]) != len(ids[1]):
        shown = [" | ".join(organism.token_strings(own)[-24:]) for own in ids]
        raise BadInput(
            f"clean has {len(ids[0])} tokens and corrupt {len(ids[1])}, and they need as many: {shown[0]!r} against "
            f"{shown[1]!r}. Change words for others of as many tokens."
        )
    if ids[0] == ids[1]:
        raise BadInput("clean and corrupt are the same text: change the word that the answer depends on.")
    return ids


def picked(wanted: Sequence[int] | None, size: int, what: str) -> list[int]:
    """Indices from the front. Raises BadInput for one that is outside."""
    if wanted is None:
        return list(range(size))
    for index in wanted:
        if not -size <= index < size:
            raise BadInput(f"{what} go from {-size} to {size - 1} here, and {index} is outside.")
    return [index % size for index in wanted]
