"""Let a model that was trained for it answer questions about the organism's activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from interp_bench_ext.contracts import Access, Arm, Edit, Organism, Reads, Row, Site
from interp_bench_ext.conversations import Conversation, as_conversations
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import OracleAnswers

from ._directions import layer_of, random_like
from ._generations import as_texts
from ._metric import picked
from ._scoring import mean_nll

_PLACEHOLDER = " ?"
_RANDOM = "random activations"


def activation_oracle(
    organism: Organism,
    *,
    prompt: str | Conversation,
    questions: str | Sequence[str],
    prefill: str = "",
    positions: Sequence[int] | None = None,
    layer: int | None = None,
    into: int = 1,
    coefficient: float = 1.0,
    n: int = 2,
    temperature: float = 0.7,
    max_new_tokens: int = 40,
    raw: bool = False,
    seed: int = 0,
) -> OracleAnswers:
    """Ask the oracle that the config names what the organism's activations on a text hold, in words.

    The oracle is the base with an adapter that was trained to answer questions about activations. It reads a question
    behind as many placeholders as there are activations; each is added there after an early block, at the length that
    the stream has in that place. The controls are the same questions with random activations and, where the access
    reaches the base, with the base's activations on the same text. Every answer comes with how much likelier its own
    activations make it than other random ones do.

    Access: activations
    Source: arXiv 2512.15674, activation oracles
    Magic: oracle
    Plot: how much the activations are worth to each answer, the organism's beside the controls'

    Args:
        prompt: What the activations are read on: a user turn or a conversation; with raw, a text.
        questions: A question or a list of them, each asked by itself; such as the oracle was trained on.
        prefill: How the reply begins (with raw: more text).
        positions: Tokens whose activations are read; negative counts from the end. All by default.
        layer: After which block they are read; the middle one by default.
        into: After which block of the oracle they are added: the one that it was trained with.
        coefficient: How long they are there, in lengths of the oracle's own stream; 0 adds nothing.
        n: Answers per question and kind of activations.
        temperature: 0 always takes the likeliest token; 1 samples from the oracle as it is.
        max_new_tokens: Longest answer, in tokens.
        raw: Take the prompt as raw text, without the chat template.
        seed: The same seed gives the same answers, and the same random activations.
    """
    if not organism.info.oracle:
        raise BadInput("This organism's config names no oracle (model.oracle), and activation_oracle asks one.")
    asked = as_texts(questions)
    if not asked or not all(question.strip() for question in asked):
        raise BadInput("There is a question without words: give at least one question, and none that is empty.")
    if not coefficient >= 0 or coefficient == float("inf"):
        raise BadInput("coefficient is a number from 0 on: how long the activations are beside the oracle's stream.")
    at_layer, into = layer_of(organism, layer), layer_of(organism, into)
    ids = _ids(organism, prompt, prefill, raw, "organism")
    at = picked(positions, len(ids), "positions")
    if not at:
        raise BadInput("positions is empty: give at least one token whose activations are read.")
    held = {"organism": _activations(organism, ids, "organism", at_layer, at)}
    if Access(organism.info.access).allows(Access.BASE):
        base_ids = _ids(organism, prompt, prefill, raw, "base")
        # Behind a hidden prompt the base begins the text otherwise, and both end it alike.
        from_end = [place - len(ids) for place in at if len(ids) - place <= len(base_ids)]
        if from_end:
            held["base"] = _activations(organism, base_ids, "base", at_layer, from_end)
    held[_RANDOM], other = (random_like(held["organism"], seed + draw) for draw in (0, 1))
    rows = _put(organism, held, asked, at_layer, into, coefficient)
    others = {kind: other[-len(activations) :] for kind, activations in held.items()}
    without = _put(organism, others, asked, at_layer, into, coefficient)
    written = organism.generate(
        [row for _, _, row in rows], n=n, temperature=temperature, max_new_tokens=max_new_tokens, seed=seed
    )
    answers = [(place, answer) for place, found in enumerate(written) for answer in found if answer.ids]
    texts = [answer for _, answer in answers]
    nll = [mean_nll(organism, [own[place][2] for place, _ in answers], texts) for own in (rows, without)]
    return OracleAnswers(
        prompts=tuple(rows[place][1] for place, _ in answers),
        texts=tuple(answer.text for answer in texts),
        arms=tuple(rows[place][0] for place, _ in answers),
        gains=nll[1] - nll[0],
        n_tokens=np.array([len(answer.ids) for answer in texts], dtype=np.int64),
        tokens=tuple(organism.token_strings([ids[place] for place in at])),
        layer=at_layer,
        arm="organism",
        control=_RANDOM,
    )


def _ids(organism: Organism, prompt: str | Conversation, prefill: str, raw: bool, arm: Arm) -> list[int]:
    if not raw:
        (conversation,) = as_conversations(prompt)
        return organism.chat_ids(conversation, prefill=prefill, arm=arm, thinking="close" if prefill else "keep")
    if not isinstance(prompt, str):
        raise BadInput("With raw=True the prompt is a text, not a conversation.")
    return organism.text_ids(prompt + prefill, arm=arm)


def _activations(
    organism: Organism, ids: Sequence[int], arm: Arm, layer: int, positions: Sequence[int]
) -> torch.Tensor:
    """``[positions, width]`` float32: the stream after the block."""
    site = Site(layer, "resid_post")
    reads = Reads(logits=False, sites=(site,), positions=tuple(positions))
    stream: torch.Tensor = next(iter(organism.run([Row(tuple(ids), arm)], reads))).sites[site][0]
    return stream.float()


def _put(
    organism: Organism,
    held: Mapping[str, torch.Tensor],
    questions: Sequence[str],
    layer: int,
    into: int,
    coefficient: float,
) -> list[tuple[str, str, Row]]:
    """Each kind of activations with each question, and the oracle's row for the two."""
    found = []
    for kind, activations in held.items():
        starts = [_question_ids(organism, layer, len(activations), question) for question in questions]
        places = [_placeholders(organism, ids, len(activations)) for ids in starts]
        # What stands before a question is the same for all of them, and so is the oracle's stream there.
        own = _activations(organism, starts[0], "oracle", into, places[0]).norm(dim=-1, keepdim=True)
        added = coefficient * own * torch.nn.functional.normalize(activations, dim=-1).to(own.device)
        for question, ids, at in zip(questions, starts, places, strict=True):
            edit = Edit(Site(into, "resid_post"), tuple(at), "add", added)
            found.append((kind, question, Row(tuple(ids), "oracle", (edit,))))
    return found


def _question_ids(organism: Organism, layer: int, n: int, question: str) -> list[int]:
    """As oracles are trained: the layer, the placeholders, and the question, in a user's turn."""
    text = f"Layer: {layer}\n{_PLACEHOLDER * n} \n{question}"
    if not organism.info.chat_template:
        return organism.text_ids(text, arm="oracle")
    return organism.chat_ids([{"role": "user", "content": text}], arm="oracle", thinking="close")


def _placeholders(organism: Organism, ids: Sequence[int], n: int) -> list[int]:
    """Positions of the placeholders' last tokens. Raises BadInput where the tokenizer makes something else of them."""
    piece = organism.piece_ids(_PLACEHOLDER, arm="oracle")
    run = piece * n
    start = next((at for at in range(len(ids)) if list(ids[at : at + len(run)]) == run), None)
    if start is None:
        raise BadInput("The oracle's tokenizer does not keep the placeholders of a question apart: it cannot be asked.")
    return [start + len(piece) * (place + 1) - 1 for place in range(n)]
