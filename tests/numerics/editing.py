"""Techniques that change activations or follow their effects: against hooks on plain modules, and autograd."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Edit, Reads, Row, Site
from tests.host.reference_hooks import PLACES, blocks_of, hooked
from tests.techniques.support import helper, technique

from .case import Arms, Case, Compared, Plain, check, combined
from .reading import TEXT, summed

CLEAN, CORRUPT = "the dog jumps", "the brown jumps"


class Pair:
    """Both prompts, and the logit difference that tells them apart best.

    Effects are shares of it: between tokens that the prompts hardly move, rounding would be all that is compared.
    """

    def __init__(self, case: Case) -> None:
        organism = case.organism
        self.clean, self.corrupt = organism.text_ids(CLEAN), organism.text_ids(CORRUPT)
        plain = case.exact.organism
        moved = plain.logits(self.clean)[-1] - plain.logits(self.corrupt)[-1]
        order = moved.argsort(descending=True)[: organism.info.vocabulary].tolist()

        def first_whole(tokens: list[int]) -> tuple[int, str]:
            """The first that a text of its own gives: a vocabulary is long, so no more of it is looked through."""
            named = ((token, organism.token_strings([token])[0]) for token in tokens)
            return next((token, name) for token, name in named if organism.piece_ids(name) == [token])

        (self._target, target), (self._other, other) = first_whole(order), first_whole(order[::-1])
        self.answers = {"target": target, "other": other}

    @property
    def arguments(self) -> dict[str, Any]:
        """As patching techniques take them."""
        return {"clean": CLEAN, "corrupt": CORRUPT, "raw": True, **self.answers}

    def value(self, logits: torch.Tensor) -> torch.Tensor:
        return logits[..., self._target] - logits[..., self._other]

    def of(self, plain: Plain, ids: list[int]) -> float:
        return float(self.value(plain.logits(ids)[-1]))

    def share(self, plain: Plain, effect: Any) -> Any:
        """Of the way from corrupt to clean."""
        ends = self.of(plain, self.clean), self.of(plain, self.corrupt)
        return (effect - ends[1]) / (ends[0] - ends[1])


def put(values: torch.Tensor, at: int | slice) -> Callable[[torch.Tensor], torch.Tensor]:
    """A change that writes ``values`` at these positions."""

    def change(found: torch.Tensor) -> torch.Tensor:
        found = found.clone()
        found[:, at] = values
        return found

    return change


@check("activation_patching", 5e-3)
def activation_patching(case: Case) -> Compared:
    pair, layers = Pair(case), [layer for layer in case.layers if layer]
    found = case.run("activation_patching", layers=layers, **pair.arguments)

    def reference(arms: Arms) -> dict[str, Any]:
        plain, clean = arms.organism, arms.organism.streams(pair.clean)
        place = PLACES[plain.model.config.model_type]["resid_pre"]
        effects = np.zeros(found.effects.shape)
        for row, layer in enumerate(layers):
            for column, at in enumerate(found.positions):
                with hooked(plain.model, place, layer, put(clean[layer, at], at)):
                    effects[row, column] = pair.of(plain, pair.corrupt)
        return {"effect, share": pair.share(plain, effects)}

    return Compared({"effect, share": found.effects}, reference)


@check("attribution_patching", 5e-3)
def attribution_patching(case: Case) -> Compared:
    pair = Pair(case)
    found = case.run("attribution_patching", part="resid_pre", **pair.arguments)

    def reference(arms: Arms) -> dict[str, Any]:
        plain = arms.organism
        clean = plain.streams(pair.clean)[:-1]
        with torch.enable_grad():
            given = plain.model.get_input_embeddings()(torch.tensor([pair.corrupt])).detach().requires_grad_()
            corrupt = plain.model(inputs_embeds=given, output_hidden_states=True, use_cache=False)
            streams = corrupt.hidden_states[:-1]
            slopes = torch.autograd.grad(pair.value(corrupt.logits[0, -1].float()), streams)
        span = pair.of(plain, pair.clean) - pair.of(plain, pair.corrupt)
        products = [
            ((own - stream[0]) * slope[0]).detach().float().sum(-1)[list(found.positions)] / span
            for own, stream, slope in zip(clean, streams, slopes, strict=True)
        ]
        return {"effect, share": torch.stack(products)}

    return Compared({"effect, share": found.effects}, reference)


@check("path_patching", 5e-3)
def path_patching(case: Case) -> Compared:
    """Senders given their clean value while all that comes after them is held at the corrupt run's."""
    pair, layers = Pair(case), case.layers
    found = case.run("path_patching", senders="attn_out", layers=layers, **pair.arguments)

    def reference(arms: Arms) -> dict[str, Any]:
        plain = arms.organism
        places = PLACES[plain.model.config.model_type]
        clean, corrupt = (_outputs(plain, ids) for ids in (pair.clean, pair.corrupt))
        effects = []
        for layer in layers:
            with contextlib.ExitStack() as stack:
                for (at, part), held in corrupt.items():
                    sender = (at, part) == (layer, "attn_out")
                    if sender or at > layer or (at == layer and part == "mlp_out"):
                        value = clean[at, part] if sender else held
                        stack.enter_context(hooked(plain.model, places[part], at, put(value, slice(None))))
                effects.append(pair.of(plain, pair.corrupt))
        return {"effect, share": [pair.share(plain, effect) for effect in effects]}

    return Compared({"effect, share": found.effects[:, 0]}, reference)


def _outputs(plain: Plain, ids: list[int]) -> dict[tuple[int, str], torch.Tensor]:
    """What attention and MLP of every block add in a pass."""
    found: dict[tuple[int, str], torch.Tensor] = {}
    with contextlib.ExitStack() as stack:
        for layer in range(len(blocks_of(plain.model))):
            for part in ("attn_out", "mlp_out"):
                place = PLACES[plain.model.config.model_type][part]

                def keep(tensor: torch.Tensor, key: tuple[int, str] = (layer, part)) -> torch.Tensor:
                    found[key] = tensor[0].clone()
                    return tensor

                stack.enter_context(hooked(plain.model, place, layer, keep))
        plain.logits(ids)
    return found


@check("direct_logit_attribution", 5e-3)
def direct_logit_attribution(case: Case) -> Compared:
    """The sum of the parts, which is the model's own logit difference before its soft cap."""
    pair = Pair(case)
    found = case.run("direct_logit_attribution", prompt=TEXT, raw=True, **pair.answers)
    ids = case.organism.text_ids(TEXT)

    def stream(plain: Plain) -> torch.Tensor:
        return plain.norm(plain.streams(ids)[-1, -1])

    def whole(plain: Plain) -> float:
        return float(pair.value(plain.model.get_output_embeddings()(stream(plain)).detach().float()))

    def products(plain: Plain) -> torch.Tensor:
        """``[width]``: what each entry of the stream adds to the logit difference."""
        weight = plain.model.get_output_embeddings().weight
        return stream(plain) * pair.value(weight.T)

    return Compared(
        {"sum, logits": [found.total, found.base_total]},
        lambda arms: {"sum, logits": [whole(arms.organism), whole(arms.base)]},
        lambda arms: {"sum, logits": max(combined(products(plain)) for plain in (arms.organism, arms.base))},
    )


@check("steering, fuzzing, patchscope (edits that add and set)", 2e-3)
def steering(case: Case) -> Compared:
    """What an added direction makes of the logits, at every position and, drawn, in every decoded step."""
    layer, ids = case.layers[1], case.organism.text_ids(TEXT)
    drawn = torch.Generator().manual_seed(0)
    vector = torch.randn(case.organism.info.width, generator=drawn)
    length = float(case.exact.organism.streams(ids)[layer + 1].norm(dim=-1).mean())
    vector *= 0.3 * length / vector.norm()
    row = Row(tuple(ids), edits=(Edit(Site(layer, "resid_post"), None, "add", vector),))
    (reply,) = case.organism.generate([row], max_new_tokens=6, temperature=1.0, seed=2)[0]

    def reference(arms: Arms) -> dict[str, Any]:
        plain = arms.organism
        place = PLACES[plain.model.config.model_type]["resid_post"]
        with hooked(plain.model, place, layer, lambda out: out + vector.to(out.dtype)):
            logs = plain.logits([*ids, *reply.ids]).log_softmax(-1)
        places = [float(logs[len(ids) - 1 + place, token]) for place, token in enumerate(reply.ids)]
        return {"log-probability of a steered token, nats": places}

    return Compared({"log-probability of a steered token, nats": list(reply.logprobs)}, reference)


@check("activation_oracle", 5e-3)
def activation_oracle(case: Case) -> Compared:
    """What activations are worth to an answer: theirs added after an early block, against random ones."""
    organism, layer, into, at = case.with_oracle, case.layers[1], 1, [0, 2, -1]
    how: dict[str, Any] = {"n": 2, "temperature": 0.7, "max_new_tokens": 5, "seed": 3}
    found = technique("activation_oracle")(
        organism, prompt=TEXT, questions="what is it?", raw=True, positions=at, layer=layer, into=into, **how
    )
    text = f"Layer: {layer}\n{' ?' * len(at)} \nwhat is it?"
    if organism.info.chat_template:
        start = organism.chat_ids([{"role": "user", "content": text}], arm="oracle")
    else:
        start = organism.text_ids(text, arm="oracle")
    mark = organism.piece_ids(" ?")[-1]
    places = [place for place, token in enumerate(start) if token == mark][: len(at)]
    ids, width = organism.text_ids(TEXT), organism.info.width

    def drawn(seed: int) -> torch.Tensor:
        return torch.randn((len(at), width), generator=torch.Generator().manual_seed(seed))

    def held(arms: Arms) -> dict[str, torch.Tensor]:
        read = {arm: arms.of(arm).streams(ids)[layer + 1, at].float() for arm in ("organism", "base")}
        return {**read, "random activations": drawn(how["seed"])}

    def added(vectors: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        def change(out: torch.Tensor) -> torch.Tensor:
            out = out.clone()
            lengths = out[:, places].float().norm(dim=-1, keepdim=True)
            out[:, places] += (lengths * vectors / vectors.norm(dim=-1, keepdim=True)).to(out.dtype)
            return out

        return change

    # The technique gives texts; their tokens are drawn again from its own rows.
    oracle_rows = helper("activation_oracle")
    kinds: dict[str, Any] = {
        arm: oracle_rows._activations(organism, ids, arm, layer, [place % len(ids) for place in at])
        for arm in ("organism", "base")
    }
    kinds["random activations"] = drawn(how["seed"])
    rows = oracle_rows._put(organism, kinds, ["what is it?"], layer, into, 1.0)
    written = organism.generate([row for _, _, row in rows], **how)
    answers = [(kind, list(reply.ids)) for (kind, _, _), said in zip(rows, written, strict=True) for reply in said]
    assert tuple(reply.text for said in written for reply in said) == found.texts

    def reference(arms: Arms) -> dict[str, Any]:
        oracle, vectors = arms.organism, held(arms)
        place = PLACES[oracle.model.config.model_type]["resid_post"]
        worth = []
        for arm, reply in answers:
            sums = []
            for given in (vectors[arm], drawn(how["seed"] + 1)):
                with hooked(oracle.model, place, into, added(given)):
                    sums.append(summed(oracle, start, reply) / len(reply))
            worth.append(sums[0] - sums[1])
        return {"worth, nats a token": worth}

    return Compared({"worth, nats a token": found.gains}, reference)


@check("ablation", 2e-3)
def ablation(case: Case) -> Compared:
    """A direction projected out after every block."""
    ids, n = case.organism.text_ids(TEXT), case.organism.info.n_layers
    unit = torch.randn(case.organism.info.width, generator=torch.Generator().manual_seed(1))
    unit = unit / unit.norm()
    edits = tuple(Edit(Site(layer, "resid_post"), None, "project", unit) for layer in range(n))
    (batch,) = case.organism.run([Row(tuple(ids), edits=edits)], Reads(positions=(-1,)))

    def reference(arms: Arms) -> dict[str, Any]:
        plain = arms.organism
        place = PLACES[plain.model.config.model_type]["resid_post"]

        def without(out: torch.Tensor) -> torch.Tensor:
            wide = out.float()
            return (wide - (wide @ unit)[..., None] * unit).to(out.dtype)

        with contextlib.ExitStack() as stack:
            for layer in range(n):
                stack.enter_context(hooked(plain.model, place, layer, without))
            return {"likeliest, p": plain.logits(ids)[-1].softmax(-1).topk(5).values}

    return Compared({"likeliest, p": batch.logits[0, -1].softmax(-1).topk(5).values}, reference)
