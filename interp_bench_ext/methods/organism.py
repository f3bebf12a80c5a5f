"""The organism as a custom method has it: every question is asked over the channel, and answered by the host."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

import torch

from ..contracts import Batch, Organism, Reading, Reads, Row
from ..errors import BadInput, from_code
from ..results.model_info import ModelInfo
from .channel import Channel

Question = TypeVar("Question", bound=Callable[..., Any])


def _asked(question: Question, read: Callable[[Any], Any] = lambda answer: answer) -> Question:
    """A method of the contract: its arguments are sent by their names, and ``read`` takes the host's answer."""
    signature = inspect.signature(question)

    @functools.wraps(question)
    def ask(self: MethodOrganism, *arguments: Any, **named: Any) -> Any:
        bound = signature.bind(self, *arguments, **named)
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        return read(self.ask(question.__name__, **{name: _plain(name, value) for name, value in given.items()}))

    return cast("Question", ask)


def _arrays(found: Reading) -> Reading:
    return Reading(**{name: None if each is None else each.numpy() for name, each in vars(found).items()})


class MethodOrganism:
    """Implements contracts.Organism. ``state`` is the method's own: it lasts until the run's access ends."""

    def __init__(self, channel: Channel, state: dict[str, Any]) -> None:
        self._channel = channel
        self.state = state

    chat_ids = _asked(Organism.chat_ids)
    split_thinking = _asked(Organism.split_thinking)
    text_ids = _asked(Organism.text_ids)
    piece_ids = _asked(Organism.piece_ids)
    token_strings = _asked(Organism.token_strings)
    decode = _asked(Organism.decode)
    generate = _asked(Organism.generate)
    site_shape = _asked(Organism.site_shape)
    unembed = _asked(Organism.unembed)
    unembedding = _asked(Organism.unembedding)
    weight_names = _asked(Organism.weight_names)
    weight = _asked(Organism.weight)
    adapter = _asked(Organism.adapter)
    progress = _asked(Organism.progress)
    read = _asked(Organism.read, _arrays)

    def ask(self, what: str, /, **named: Any) -> Any:
        """Put a question to the host. Raises what it raises."""
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
        return ModelInfo(**self.ask("info"))

    @property
    def stop_ids(self) -> frozenset[int]:
        """See contracts.Organism."""
        return frozenset(self.ask("stop_ids"))

    def run(self, rows: Sequence[Row], reads: Reads = Reads()) -> Iterator[Batch]:  # noqa: B008 - it is frozen
        """See contracts.Organism."""
        number = self.ask(
            "run",
            rows=_plain("rows", rows),
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


def _scored(grad_of: Callable[[int, Any], Any], row: int, logits: torch.Tensor) -> dict[str, Any]:
    """A row's scalar and its gradient by the logits."""
    given = logits.requires_grad_()
    value = grad_of(row, given)
    if not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.requires_grad:
        raise BadInput("grad_of gives one number for each row, as a tensor that depends on the logits.")
    (gradient,) = torch.autograd.grad(value.reshape(()), given)
    return {"value": float(value.detach()), "gradient": gradient}


def _plain(name: str, given: Any) -> Any:
    """An argument as it can be sent: ids are numbers of Python, edits' values tensors, turns dicts."""
    match name:
        case "ids" | "targets":
            return [int(token) for token in given]
        case "prompts" | "rows":
            return [_plain_row(row) for row in given]
        case "conversation":
            return [dict(turn) for turn in given]
        case _:
            return given


def _plain_row(row: Row) -> Row:
    edits = tuple(
        edit if isinstance(edit.value, (int, float)) else replace(edit, value=torch.as_tensor(edit.value))
        for edit in row.edits
    )
    return replace(row, ids=tuple(int(token) for token in row.ids), edits=edits)
