"""Replies to the same prompts under several edits, all in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from interp_bench_ext.contracts import Arm, Edit, Organism, Row
from interp_bench_ext.conversations import Prompts, as_conversations
from interp_bench_ext.results import DoseResponse

from ._doses import Doses
from ._generations import last_user_turn
from ._scoring import mean_nll


@dataclass(frozen=True)
class Point:
    """One dose of one arm: what is done to every row."""

    arm: str
    dose: float
    edits: tuple[Edit, ...]
    model: Arm = "organism"


class Draws(NamedTuple):
    """How replies are drawn, as ``Organism.generate`` takes it."""

    n: int
    temperature: float
    max_new_tokens: int
    seed: int


def starts(organism: Organism, prompts: Prompts, arm: Arm) -> list[list[int]]:
    """Token ids of each prompt with the reply's turn open; raw text without a chat template."""
    conversations = as_conversations(prompts)
    if organism.info.chat_template:
        return [organism.chat_ids(turns, arm=arm) for turns in conversations]
    return [organism.text_ids(last_user_turn(turns), arm=arm) for turns in conversations]


def dosed(
    organism: Organism,
    doses: Doses,
    prompts: Prompts,
    points: Sequence[Point],
    draws: Draws,
) -> DoseResponse:
    """``doses`` with replies to each prompt at each point; fluency is under the same model without edits."""
    conversations = as_conversations(prompts)
    begun = {arm: starts(organism, prompts, arm) for arm in {point.model for point in points}}
    rows = [Row(tuple(ids), point.model, point.edits) for point in points for ids in begun[point.model]]
    written = organism.generate(rows, **draws._asdict())
    replies = [(index, reply) for index, found in enumerate(written) for reply in found]
    plain = [Row(rows[index].ids, rows[index].arm) for index, _ in replies]
    fluency = -mean_nll(organism, plain, [reply for _, reply in replies])
    for (index, reply), fluent in zip(replies, fluency, strict=True):
        point, turns = points[index // len(conversations)], conversations[index % len(conversations)]
        doses.add(last_user_turn(turns), reply.text, arm=point.arm, dose=point.dose, fluency=float(fluent))
    return doses.result()
