"""The organism as a custom method has it: every question is asked over the channel, and answered by the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from ..contracts import Arm, Batch, Completion, Reading, Reads, Row, Site
from ..conversations import Conversation, Thinking
from ..errors import BadInput, from_code
from ..results.model_info import ModelInfo
from .channel import Channel


class MethodOrganism:
    """Implements contracts.Organism. ``state`` is the method's own: it lasts until the run's access ends."""

    def __init__(self, channel: Channel, state: dict[str, Any]) -> None:
        self._channel = channel
        self.state = state

    def _ask(self, what: str, /, **named: Any) -> Any:
        self._channel.send({"ask": what, "with": named})
        return self._answer(None)

    def _answer(self, grad_of: Callable[[int, Any], Any] | None) -> Any:
        """What the host says; scalars of rows that it wants to know meanwhile are computed here."""
        while True:
            message = self._channel.receive()
            if "error" in message:
                raise from_code(message["error"], message["message"])
            if "score" not in message:
                return message["answer"]
            assert grad_of is not None
            self._channel.send(_scored(grad_of, message["score"], message["logits"]))

    @property
    def info(self) -> ModelInfo:
        """See contracts.Organism."""
        return ModelInfo(**self._ask("info"))

    @property
    def stop_ids(self) -> frozenset[int]:
        """See contracts.Organism."""
        return frozenset(self._ask("stop_ids"))

    def decode(self, ids: Sequence[int]) -> str:
        """See contracts.Organism."""
        text: str = self._ask("decode", ids=[int(token) for token in ids])
        return text

    def chat_ids(
        self,
        conversation: Conversation,
        *,
        prefill: str | None = None,
        next_role: str = "assistant",
        arm: Arm = "organism",
        thinking: Thinking = "keep",
    ) -> list[int]:
        """See contracts.Organism."""
        turns = [dict(turn) for turn in conversation]
        ids: list[int] = self._ask(
            "chat_ids", conversation=turns, prefill=prefill, next_role=next_role, arm=arm, thinking=thinking
        )
        return ids

    def split_thinking(
        self, text: str, *, prefill: str = "", thinking: Thinking = "keep", arm: Arm = "organism"
    ) -> tuple[str, str]:
        """See contracts.Organism."""
        thought, said = self._ask("split_thinking", text=text, prefill=prefill, thinking=thinking, arm=arm)
        return thought, said

    def text_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """See contracts.Organism."""
        ids: list[int] = self._ask("text_ids", text=text, arm=arm)
        return ids

    def piece_ids(self, text: str, *, arm: Arm = "organism") -> list[int]:
        """See contracts.Organism."""
        ids: list[int] = self._ask("piece_ids", text=text, arm=arm)
        return ids

    def token_strings(self, ids: Sequence[int], *, arm: Arm = "organism") -> list[str]:
        """See contracts.Organism."""
        strings: list[str] = self._ask("token_strings", ids=[int(token) for token in ids], arm=arm)
        return strings

    def generate(
        self,
        prompts: Sequence[Row],
        *,
        n: int = 1,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[list[Completion]]:
        """See contracts.Organism."""
        found: list[list[Completion]] = self._ask(
            "generate",
            prompts=[_plain(row) for row in prompts],
            n=n,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
        )
        return found

    def run(self, rows: Sequence[Row], reads: Reads = Reads()) -> Iterator[Batch]:  # noqa: B008 - it is frozen
        """See contracts.Organism."""
        number = self._ask(
            "run",
            rows=[_plain(row) for row in rows],
            reads=replace(reads, grad_of=None),
            graded=reads.grad_of is not None,
        )

        def batches() -> Iterator[Batch]:
            while True:
                self._channel.send({"ask": "next", "with": {"number": number}})
                found = self._answer(reads.grad_of)
                if found is None:
                    return
                yield Batch(**found)

        return batches()

    def site_shape(self, site: Site) -> tuple[int, ...]:
        """See contracts.Organism."""
        shape: tuple[int, ...] = self._ask("site_shape", site=site)
        return shape

    def unembed(self, hidden: Any, *, arm: Arm = "organism", scale_of: Any = None) -> Any:
        """See contracts.Organism."""
        return self._ask("unembed", hidden=hidden, arm=arm, scale_of=scale_of)

    def unembedding(self, *, arm: Arm = "organism") -> Any:
        """See contracts.Organism."""
        return self._ask("unembedding", arm=arm)

    def read(
        self,
        hidden: Any,
        *,
        arm: Arm = "organism",
        top_k: int = 0,
        targets: Sequence[int] = (),
        reference: Any = None,
    ) -> Reading:
        """See contracts.Organism."""
        found: Reading = self._ask(
            "read", hidden=hidden, arm=arm, top_k=top_k, targets=[int(one) for one in targets], reference=reference
        )
        return Reading(**{name: None if each is None else each.numpy() for name, each in vars(found).items()})

    def weight_names(self, *, arm: Arm = "organism") -> dict[str, tuple[int, ...]]:
        """See contracts.Organism."""
        names: dict[str, tuple[int, ...]] = self._ask("weight_names", arm=arm)
        return names

    def weight(self, name: str, *, arm: Arm = "organism") -> Any:
        """See contracts.Organism. It is a copy: what is done to it is done to nothing else."""
        return self._ask("weight", name=name, arm=arm)

    def adapter(self) -> dict[str, tuple[Any, Any]]:
        """See contracts.Organism."""
        found: dict[str, tuple[Any, Any]] = self._ask("adapter")
        return found

    def progress(self, stage: str, done: int, total: int) -> None:
        """See contracts.Organism."""
        self._ask("progress", stage=str(stage), done=int(done), total=int(total))


def _scored(grad_of: Callable[[int, Any], Any], row: int, logits: torch.Tensor) -> dict[str, Any]:
    """A row's scalar and its gradient by the logits."""
    given = logits.requires_grad_()
    value = grad_of(row, given)
    if not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.requires_grad:
        raise BadInput("grad_of gives one number for each row, as a tensor that depends on the logits.")
    (gradient,) = torch.autograd.grad(value.reshape(()), given)
    return {"value": float(value.detach()), "gradient": gradient}


def _plain(row: Row) -> Row:
    """With ids that are numbers of Python, and values that are tensors."""
    edits = tuple(
        edit if isinstance(edit.value, (int, float)) else replace(edit, value=torch.as_tensor(edit.value))
        for edit in row.edits
    )
    return Row(tuple(int(token) for token in row.ids), row.arm, edits) if edits or row.ids else row
