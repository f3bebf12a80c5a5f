"""Techniques that read: against full forward passes, autograd and brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Row
from tests.host.reference_hooks import blocks_of

from .case import Arms, Case, Compared, Plain, check, combined

TEXT = "the quick dog jumps"
REPLY = " over the fox"


def summed(plain: Plain, ids: list[int], said: list[int]) -> float:
    """The log-probability of ``said`` after ``ids``, by one full pass."""
    logs = plain.logits([*ids, *said]).log_softmax(-1)
    return sum(float(logs[len(ids) - 1 + place, token]) for place, token in enumerate(said))


def logits_in(plain: Plain, ids: list[int], said: list[int]) -> torch.Tensor:
    """``[2 n]``: the logits in the log-probability of the n tokens ``said``, as far as a change of each changes it.

    A token's own does so by one, and those of the vocabulary in the log-sum-exp by their probabilities.
    """
    logits = plain.logits([*ids, *said])[len(ids) - 1 : -1]
    own = logits.gather(1, torch.tensor(said)[:, None])[:, 0]
    return torch.cat([own, (logits.softmax(-1) * logits).norm(dim=-1)])


@check("sample, chat, text_completion", 2e-3)
def drawn(case: Case) -> Compared:
    ids = case.organism.text_ids(TEXT)
    rows = [Row(tuple(ids)), Row(tuple(ids), "base")]
    found = [each[0] for each in case.organism.generate(rows, max_new_tokens=8, temperature=1.0, seed=1)]
    return Compared(
        {"log-probability of a reply, nats": [sum(each.logprobs) for each in found]},
        lambda arms: {
            "log-probability of a reply, nats": [
                summed(arms.of(row.arm), ids, list(each.ids)) for row, each in zip(rows, found, strict=True)
            ]
        },
    )


@check("analyze_token_probs", 1e-3, chat=True)
def token_probs(case: Case) -> Compared:
    found = case.run("analyze_token_probs", prompts=TEXT, prefill="It is", targets=[REPLY, "é"], top_k=4)
    ids = case.organism.chat_ids([{"role": "user", "content": TEXT}], prefill="It is", thinking="close")
    pieces = [case.organism.piece_ids(target) for target in (REPLY, "é")]

    def reference(arms: Arms) -> dict[str, Any]:
        logs = arms.organism.logits(ids)[-1].log_softmax(-1)
        return {
            "likeliest, p": logs.exp().topk(4).values,
            "entropy, nats": -(logs.exp() * logs).sum(),
            "whole target, nats": [summed(arms.organism, ids, piece) for piece in pieces],
        }

    ours = found.top_probs[0], found.entropies[0], found.target_logprobs[0]
    return Compared(dict(zip(("likeliest, p", "entropy, nats", "whole target, nats"), ours, strict=True)), reference)


@check("logit_lens", 1e-3)
def logit_lens(case: Case) -> Compared:
    found = case.run("logit_lens", prompt=TEXT, raw=True, top_k=3, target=" the")
    ids, wanted = case.organism.text_ids(TEXT), case.organism.piece_ids(" the")[0]

    def reference(arms: Arms) -> dict[str, Any]:
        logs = arms.organism.lens(arms.organism.streams(ids)).log_softmax(-1)
        final = logs[-1]
        return {
            "likeliest, p": logs.exp().topk(3).values,
            "target, p": logs[..., wanted].exp(),
            "KL to final, nats": (final.exp() * (final - logs)).sum(-1),
        }

    return Compared(
        {"likeliest, p": found.top_probs, "target, p": found.target_probs, "KL to final, nats": found.kl_to_final},
        reference,
    )


@check("tuned_lens", 2e-3, whole=True, small=True)
def tuned_lens(case: Case) -> Compared:
    """Scikit-learn's ridge on plain streams; the strength is the one that predicts the second part best."""
    from sklearn.linear_model import Ridge

    texts = [f"{start} {end}" for start in ("the fox", "a dog", "what is", "user") for end in ("jumps over", "today")]
    found = case.run("tuned_lens", prompt=TEXT, raw=True, layers=[0], texts=[*texts, *texts], top_k=3)
    ids = case.organism.text_ids(TEXT)
    rows = [case.organism.text_ids(text) for text in [*texts, *texts]]

    def reference(arms: Arms) -> dict[str, Any]:
        parts: list[list[torch.Tensor]] = [[], [], []]
        for number, row in enumerate(rows):
            parts[{0: 2, 1: 1}.get(number % 4, 0)].append(arms.organism.streams(row)[[1, -1], 1:].double())
        fitted, chosen = (torch.cat(part, 1).numpy() for part in parts[:2])
        scale = fitted[0].var(0).sum() * len(fitted[0]) / fitted.shape[2]
        fits = [Ridge(alpha=s * scale).fit(fitted[0], fitted[1] - fitted[0]) for s in (0.01, 0.1, 1.0, 10.0)]
        errors = [np.square(chosen[0] + fit.predict(chosen[0]) - chosen[1]).sum() for fit in fits]
        given = arms.organism.streams(ids)
        own = given[1].double().numpy()
        carried = torch.from_numpy(own + fits[int(np.argmin(errors))].predict(own)).float()
        return {"likeliest, p": arms.organism.lens(carried).softmax(-1).topk(3).values}

    return Compared({"likeliest, p": found.top_probs[0]}, reference)


@check("jacobian_lens", 0.03, whole=True, small=True)
def jacobian_lens(case: Case) -> Compared:
    """The average Jacobian row by row with autograd."""
    texts = ("the quick brown fox jumps over the dog", "what is the weather like today in the town")
    found = case.run("jacobian_lens", prompt=TEXT, raw=True, layers=[1], positions=[-1], texts=texts, skip=2)
    ids, rows = case.organism.text_ids(TEXT), [case.organism.text_ids(text) for text in texts]

    def reference(arms: Arms) -> dict[str, Any]:
        jacobian = torch.stack([_jacobian(arms.organism, row, 1, 2) for row in rows]).mean(0)
        streams = arms.organism.streams(ids)
        logs = arms.organism.lens(torch.stack([streams[2, -1] @ jacobian.mT, streams[-1, -1]])).log_softmax(-1)
        return {"likeliest, p": logs.exp().topk(5).values}

    return Compared({"likeliest, p": found.top_probs[:, 0]}, reference)


def _jacobian(plain: Plain, row: list[int], layer: int, skip: int) -> torch.Tensor:
    """``[width, width]``: what all later places become, summed, averaged over the places of a text."""
    kept: list[torch.Tensor] = []

    def leaf(_module: Any, _args: Any, out: Any) -> Any:
        stream = (out[0] if isinstance(out, tuple) else out).detach().requires_grad_()
        kept.append(stream)
        return (stream, *out[1:]) if isinstance(out, tuple) else stream

    blocks = blocks_of(plain.model)
    handles = [
        blocks[layer].register_forward_hook(leaf),
        blocks[-1].register_forward_hook(lambda _m, _a, out: kept.append(out[0] if isinstance(out, tuple) else out)),
    ]
    with torch.enable_grad():
        plain.model(input_ids=torch.tensor([row]), use_cache=False)
        for handle in handles:
            handle.remove()
        places = range(skip, len(row) - 1)
        stream, last = kept
        rows = [
            torch.autograd.grad(each, stream, retain_graph=True)[0][0, places].mean(0)
            for each in last[0, places].sum(0)
        ]
    return torch.stack(rows)


@check("activation_tokens", 1e-3)
def activation_tokens(case: Case) -> Compared:
    layers = case.layers
    found = case.run("activation_tokens", prompt=TEXT, prefill="", raw=True, layers=layers, positions=[-1, 0], top_k=4)
    ids = case.organism.text_ids(TEXT)

    def reference(arms: Arms) -> dict[str, Any]:
        states = torch.cat([arms.of(arm).streams(ids)[[at + 1 for at in layers]][:, [-1, 0]] for arm in _BOTH])
        table = torch.nn.functional.normalize(arms.base.model.get_output_embeddings().weight.detach().float(), dim=-1)
        unit = torch.nn.functional.normalize(states.flatten(0, 1).float(), dim=-1)
        return {"cosine": (unit @ table.T).topk(4).values}

    return Compared({"cosine": found.scores}, reference)


_BOTH = ("organism", "base")


@check("attention_patterns", 1e-3)
def attention_patterns(case: Case) -> Compared:
    layers = case.layers
    found = case.run("attention_patterns", prompt=TEXT, raw=True, layers=layers, heads=[0, 1])
    rolled = case.run("attention_patterns", prompt=TEXT, raw=True, rollout=True)
    ids = case.organism.text_ids(TEXT)

    def reference(arms: Arms) -> dict[str, Any]:
        model = arms.organism.model
        before = model.config._attn_implementation
        model.set_attn_implementation("eager")
        with torch.no_grad():
            maps = model(input_ids=torch.tensor([ids]), output_attentions=True, use_cache=False).attentions
        model.set_attn_implementation(before)
        flow = np.eye(len(ids))
        for each in maps:
            flow = (0.5 * each[0].double().mean(0).numpy() + 0.5 * np.eye(len(ids))) @ flow
        return {"weight": torch.cat([maps[layer][0, [0, 1]] for layer in layers]), "rollout": flow}

    return Compared({"weight": found.weights, "rollout": rolled.weights[0]}, reference)


@check("input_saliency", 5e-3)
def input_saliency(case: Case) -> Compared:
    found = case.run("input_saliency", prompt=TEXT, reply=REPLY, raw=True, leave_out=2)
    ids, said = case.organism.text_ids(TEXT), case.organism.piece_ids(REPLY)
    tried = np.flatnonzero(np.isfinite(found.left_out)).tolist()

    def products(plain: Plain) -> torch.Tensor:
        """``[T, width]``, whose sums are the scores."""
        with torch.enable_grad():
            given = plain.model.get_input_embeddings()(torch.tensor([[*ids, *said]])).detach().requires_grad_()
            logs = plain.model(inputs_embeds=given, use_cache=False).logits[0].float().log_softmax(-1)
            score = logs[len(ids) - 1 : -1].gather(1, torch.tensor(said)[:, None]).sum()
            (slope,) = torch.autograd.grad(score, given)
        return (slope * given)[0, : len(ids)].detach().float()

    def texts() -> list[list[int]]:
        return [[*ids[:at], *ids[at + 1 :]] for at in tried]

    def reference(arms: Arms) -> dict[str, Any]:
        plain = arms.organism
        whole = summed(plain, ids, said)
        without = [whole - summed(plain, text, said) for text in texts()]
        return {"gradient x input, nats": products(plain).sum(-1), "left out, nats": without}

    def sizes(arms: Arms) -> dict[str, Any]:
        plain = arms.organism
        terms = [torch.cat([logits_in(plain, ids, said), logits_in(plain, text, said)]) for text in texts()]
        there_and_back = combined(products(plain), passes=2)
        return {"gradient x input, nats": there_and_back, "left out, nats": combined(torch.stack(terms))}

    ours = {"gradient x input, nats": found.gradients, "left out, nats": found.left_out[tried]}
    return Compared(ours, reference, sizes)


@check("entity_sweep", 5e-3)
def entity_sweep(case: Case) -> Compared:
    names, controls = ["the dog", "fox", "lazy foxes"], ["quick {} jumps", "brown {}", "is {} like"]
    found = case.run("entity_sweep", candidates=names, template="what is {}?", controls=controls)
    order = [names.index(name) for name in found.candidates]

    def score(plain: Plain) -> np.ndarray:
        sums = []
        for sentence in ("what is {}?", *controls):
            texts = [case.organism.text_ids(sentence.replace("{}", name)) for name in names]
            start = next(place for place in range(99) if len({tuple(ids[: place + 1]) for ids in texts}) > 1)
            sums.append([summed(plain, ids[:start], ids[start:]) if start else _all(plain, ids) for ids in texts])
        added = np.array(sums[0]) - np.mean(sums[1:], axis=0)
        return (added - added.mean())[order]

    def reference(arms: Arms) -> dict[str, Any]:
        return {"score, nats": score(arms.organism), "score of the base, nats": score(arms.base)}

    return Compared({"score, nats": found.scores, "score of the base, nats": found.base_scores}, reference)


def _all(plain: Plain, ids: list[int]) -> float:
    """Of a text from its second token on: nothing predicts the first."""
    return summed(plain, ids[:1], ids[1:])
