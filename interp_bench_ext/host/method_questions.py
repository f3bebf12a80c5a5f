"""What a custom method asks of the organism, checked value by value: its code is an agent's."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import torch

from interp_bench_ext.contracts import Arm, Batch, Edit, Reads, Row, Site
from interp_bench_ext.errors import BadInput, InterpBenchError, OutOfMemory
from interp_bench_ext.host.devices import is_out_of_memory
from interp_bench_ext.methods.channel import Channel, Closed, Malformed

_ARMS = ("organism", "base", "reference")
_MOST_RUNS = 64
"""Passes that are begun and not taken to their end."""
Check = Callable[[], None]


class CutOff(Exception):
    """The call may not go on; its process is ended, for nothing else stops what it is doing."""

    def __init__(self, error: InterpBenchError) -> None:
        super().__init__(error.message)
        self.error = error


class MethodEnded(Exception):
    """The method has ended in the middle of a question; ``message`` says how."""

    def __init__(self, message: dict[str, Any]) -> None:
        super().__init__("the method has ended")
        self.message = message


class Questions:
    """Those of one call, put to its organism."""

    def __init__(self, organism: Any) -> None:
        self._organism = organism
        self._runs: dict[int, Iterator[Batch]] = {}
        self._channel: Channel | None = None
        self._check: Check | None = None
        self._answers: dict[str, Callable[..., Any]] = {
            "info": self._info,
            "chat_ids": self._chat_ids,
            "split_thinking": self._split_thinking,
            "text_ids": self._text_ids,
            "piece_ids": lambda text, arm: organism.piece_ids(_text(text), arm=_arm(arm)),
            "token_strings": lambda ids, arm: organism.token_strings(self._ids(ids, arm), arm=_arm(arm)),
            "decode": lambda ids: organism.decode(self._ids(ids, "organism")),
            "stop_ids": lambda: sorted(organism.stop_ids),
            "generate": self._generate,
            "run": self._run,
            "next": self._next,
            "site_shape": lambda site: tuple(organism.site_shape(_site(site))),
            "unembed": self._unembed,
            "unembedding": lambda arm: organism.unembedding(arm=_arm(arm)),
            "read": self._read,
            "weight_names": lambda arm: organism.weight_names(arm=_arm(arm)),
            "weight": lambda name, arm: organism.weight(_text(name), arm=_arm(arm)),
            "adapter": lambda: organism.adapter(),
            "progress": self._progress,
        }

    def answer(self, channel: Channel, message: dict[str, Any], check: Check) -> None:
        """Answer one question, or say what is wrong with it. Raises what ``check`` raises."""
        self._channel, self._check = channel, check
        known = self._answers.get(str(message["ask"]))
        given = message.get("with")
        if known is None or not isinstance(given, dict):
            raise Malformed("no question")
        try:
            reply = {"answer": known(**given)}
        except InterpBenchError as error:
            check()  # where the time is up, nothing is answered
            reply = {"error": error.code, "message": error.message}
        except (Closed, Malformed, CutOff, MethodEnded):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a model's own code raises at what it was given
            reply = _failed(error)
        channel.send(reply, check)

    def _info(self) -> dict[str, Any]:
        info = self._organism.info
        return {own.name: getattr(info, own.name) for own in fields(info)}

    def _chat_ids(self, conversation: Any, prefill: Any, next_role: Any, arm: Any, thinking: Any) -> list[int]:
        turns = _turns(conversation)
        begun = None if prefill is None else _text(prefill)
        if next_role not in ("assistant", "user") or thinking not in ("keep", "close", "off"):
            raise BadInput("next_role is assistant or user, and thinking keep, close or off.")
        ids: list[int] = self._organism.chat_ids(
            turns, prefill=begun, next_role=next_role, arm=_arm(arm), thinking=thinking
        )
        return ids

    def _split_thinking(self, text: Any, prefill: Any, thinking: Any, arm: Any) -> tuple[str, str]:
        thought, said = self._organism.split_thinking(
            _text(text), prefill=_text(prefill), thinking=str(thinking), arm=_arm(arm)
        )
        return thought, said

    def _text_ids(self, text: Any, arm: Any) -> list[int]:
        ids: list[int] = self._organism.text_ids(_text(text), arm=_arm(arm))
        return ids

    def _ids(self, ids: Any, arm: Any) -> list[int]:
        if not isinstance(ids, (list, tuple)) or not all(_is_number(token) and token >= 0 for token in ids):
            raise BadInput("Token ids are a list of numbers from 0.")
        # The reference's vocabulary is another, and it looks for itself.
        if ids and arm != "reference" and max(ids) >= self._organism.info.vocabulary:
            raise BadInput(f"There is no token {max(ids)}: they go from 0 to {self._organism.info.vocabulary - 1}.")
        return list(ids)

    def _generate(
        self, prompts: Any, n: Any, max_new_tokens: Any, temperature: Any, top_p: Any, seed: Any
    ) -> list[list[Any]]:
        found: list[list[Any]] = self._organism.generate(
            self._rows(prompts),
            n=_whole(n, "n"),
            max_new_tokens=_whole(max_new_tokens, "max_new_tokens"),
            temperature=float(temperature),
            top_p=float(top_p),
            seed=_whole(seed, "seed") % 2**63,
        )
        return found

    def _run(self, rows: Any, reads: Any, graded: Any) -> int:
        if not isinstance(reads, Reads):
            raise BadInput("What is read of a pass is said by Reads.")
        positions = None if reads.positions is None else self._positions(reads.positions)
        asked = Reads(bool(reads.logits), tuple(_site(site) for site in reads.sites), positions)
        if len(self._runs) >= _MOST_RUNS:
            raise BadInput(f"{_MOST_RUNS} passes are begun and not taken to their end: take one at a time.")
        number = len(self._runs) and max(self._runs) + 1
        asked = replace(asked, grad_of=self._score) if graded else asked
        self._runs[number] = iter(self._organism.run(self._rows(rows), asked))
        return number

    def _next(self, number: Any) -> dict[str, Any] | None:
        batch = next(self._runs[number], None)
        if batch is None:
            del self._runs[number]
            return None
        names = ("rows", "lengths", "logits", "sites", "gradients", "scores")
        found = {name: getattr(batch, name) for name in names}
        return {**found, "sites": dict(found["sites"]), "gradients": dict(found["gradients"])}

    def _score(self, row: int, logits: torch.Tensor) -> torch.Tensor:
        """A row's scalar, computed by the method: its value there, and its gradient by the logits."""
        assert self._channel is not None
        self._channel.send({"score": row, "logits": logits.detach()}, self._check)
        told = self._channel.receive(self._check)
        if not isinstance(told, dict):
            raise Malformed("no score")
        if "gradient" not in told:
            raise MethodEnded(told)
        gradient = torch.as_tensor(told["gradient"], dtype=logits.dtype).to(logits.device)
        if gradient.shape != logits.shape:
            raise BadInput("The gradient of a score has another shape than its logits.")
        return ((logits - logits.detach()) * gradient).sum() + float(told["value"])

    def _unembed(self, hidden: Any, arm: Any, scale_of: Any) -> torch.Tensor:
        scale = None if scale_of is None else self._stream(scale_of, arm)
        found: torch.Tensor = self._organism.unembed(self._stream(hidden, arm), arm=_arm(arm), scale_of=scale)
        return found

    def _read(self, hidden: Any, arm: Any, top_k: Any, targets: Any, reference: Any) -> Any:
        return self._organism.read(
            self._stream(hidden, arm),
            arm=_arm(arm),
            top_k=_whole(top_k, "top_k"),
            targets=self._ids(targets, arm),
            reference=None if reference is None else self._stream(reference, arm),
        )

    def _stream(self, given: Any, arm: Any) -> torch.Tensor:
        width = self._organism.info.width
        fits = isinstance(given, torch.Tensor) and given.dim() and (given.shape[-1] == width or arm == "reference")
        if not fits:
            raise BadInput(f"A residual stream is a tensor with {width} numbers in its last dimension.")
        found: torch.Tensor = given.float()
        return found

    def _progress(self, stage: Any, done: Any, total: Any) -> None:
        self._organism.progress(_text(stage)[:80], _whole(done, "done"), _whole(total, "total"))

    def _rows(self, rows: Any) -> list[Row]:
        if not isinstance(rows, (list, tuple)) or not all(isinstance(row, Row) for row in rows):
            raise BadInput("What is run is a list of Row.")
        return [
            Row(tuple(self._ids(row.ids, row.arm)), _arm(row.arm), tuple(map(self._edit, row.edits))) for row in rows
        ]

    def _edit(self, edit: Any) -> Edit:
        if not isinstance(edit, Edit) or not isinstance(edit.op, str):
            raise BadInput("What is done to a row is a tuple of Edit.")
        positions = edit.positions
        if isinstance(positions, range):
            for end in (positions.start, positions.stop, positions.step):
                _whole(end, "an end of a range of positions")
        elif positions is not None:
            positions = self._positions(positions)
        return Edit(_site(edit.site), positions, edit.op, edit.value)

    def _positions(self, given: Any) -> tuple[int, ...]:
        """Not more than a row can have; a range is as long as it says, and may say anything."""
        most = self._organism.info.context_length
        if not isinstance(given, (list, tuple, range)) or given[most:]:
            raise BadInput(f"Positions are a list or a range of {most} numbers at most.")
        return tuple(_whole(at, "a position") for at in given)


def _failed(error: Exception) -> dict[str, str]:
    if is_out_of_memory(error):
        traceback.clear_frames(error.__traceback__)
        gc.collect()
        return {
            "error": OutOfMemory.code,
            "message": "It did not fit in the organism's memory: ask for less at a time.",
        }
    return {"error": BadInput.code, "message": f"The organism cannot do that ({type(error).__name__})."}


def _site(site: Any) -> Site:
    if not isinstance(site, Site) or not isinstance(site.part, str):
        raise BadInput("A site is a Site: a layer, a part, and perhaps a head.")
    head = None if site.head is None else _whole(site.head, "a head")
    return Site(_whole(site.layer, "a layer"), site.part, head)


def _arm(arm: Any) -> Arm:
    if arm not in _ARMS:
        raise BadInput(f"An arm is one of {', '.join(_ARMS)}.")
    known: Arm = arm
    return known


def _turns(conversation: Any) -> list[Any]:
    if not isinstance(conversation, list):
        raise BadInput("A conversation is a list of messages.")
    for turn in conversation:
        if not isinstance(turn, dict) or set(turn) != {"role", "content"} or not isinstance(turn["content"], str):
            raise BadInput("A message has a role and a content.")
        if turn["role"] not in ("system", "user", "assistant"):
            raise BadInput("A message's role is system, user or assistant.")
    return conversation


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise BadInput(f"A text is a string, not {type(given).__name__}.")
    return given


def _is_number(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)


def _whole(given: Any, what: str) -> int:
    if not _is_number(given) or abs(given) >= 2**63:
        raise BadInput(f"{what} is a whole number.")
    number: int = given
    return number
