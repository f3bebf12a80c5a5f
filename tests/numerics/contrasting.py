"""Techniques that set the organism beside its base: against both arms as plain modules, and numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Row

from .case import Arms, Case, Compared, check
from .reading import TEXT, summed

OPENINGS = ["the quick", "what is"]


@check("perplexity_diff", 2e-3)
def perplexity_diff(case: Case) -> Compared:
    how: dict[str, Any] = {"n": 2, "max_new_tokens": 5, "seed": 3}
    found = case.run("perplexity_diff", openings=OPENINGS, **how)
    written = []
    for prompt, arm, text in zip(found.prompts, found.arms, found.texts, strict=True):
        ids = case.organism.text_ids(prompt)
        replies = case.organism.generate([Row(tuple(ids), arm)], **how)[0]  # type: ignore[arg-type]
        written.append((ids, list(next(each.ids for each in replies if each.text == text))))

    def mean(arms: Arms, other: bool) -> list[float]:
        return [
            -summed(arms.of("base" if (arm == "base") != other else "organism"), ids, reply) / len(reply)
            for arm, (ids, reply) in zip(found.arms, written, strict=True)
        ]

    return Compared(
        {"by the writer, nats a token": found.nll, "by the other, nats a token": found.other_nll},
        lambda arms: {"by the writer, nats a token": mean(arms, False), "by the other, nats a token": mean(arms, True)},
    )


@check("diff_mining", 0.5, whole=True)
def diff_mining(case: Case) -> Compared:
    texts = ["the quick brown fox", "what is the weather like", "a dog"]
    found = case.run("diff_mining", texts=texts, top_k=3, n_tokens=100_000, n_groups=2)
    rows = [case.organism.text_ids(text) for text in texts]

    def reference(arms: Arms) -> dict[str, Any]:
        size = arms.base.model.config.vocab_size
        gained, lost = np.zeros(size), np.zeros(size)
        for ids in rows:
            own, base = (plain.logits(ids).log_softmax(-1) for plain in (arms.organism, arms.base))
            for row in (own - base)[1:]:
                gained[row.topk(3).indices] += 1
                lost[(-row).topk(3).indices] += 1
        kept = np.flatnonzero(gained > lost)
        return {"counts": np.sort((gained - lost)[kept])[::-1].copy()}

    return Compared({"counts": np.sort(found.gained - found.lost)[::-1].copy()}, reference)


@check("adapter_diff", 2e-3, chat=True)
def adapter_diff(case: Case) -> Compared:
    found = case.run("adapter_diff", prompts=TEXT, max_new_tokens=6, top_k=5)
    ids = case.organism.chat_ids([{"role": "user", "content": TEXT}])
    (reply,) = case.organism.generate([Row(tuple(ids))], max_new_tokens=6, temperature=0.0)[0]

    def reference(arms: Arms) -> dict[str, Any]:
        own, base = (
            plain.logits([*ids, *reply.ids[:-1]])[len(ids) - 1 :].log_softmax(-1)
            for plain in (arms.organism, arms.base)
        )
        change = own.exp() * (own - base)
        return {"KL, nats": change.sum(-1), "gain": change.mean(0).topk(5).values}

    return Compared({"KL, nats": found.kl, "gain": found.shifts}, reference)


@check("adapter_svd", 1e-3)
def adapter_svd(case: Case) -> Compared:
    found = case.run("adapter_svd", prompts=TEXT, ranks=[1], n=1, max_new_tokens=2)
    shown = sorted(found.modules)[:12]

    def reference(arms: Arms) -> dict[str, Any]:
        values = []
        for label in shown:
            _, layer, kind = label.split()
            (module,) = [
                each
                for name, each in arms.organism.model.named_modules()
                if name.endswith(f".{kind}") and f".{layer}." in name and hasattr(each, "lora_A")
            ]
            down, up = (factors["default"].weight.double() for factors in (module.lora_A, module.lora_B))
            product = (module.scaling["default"] * up @ down).detach().numpy()
            values.append(np.linalg.svd(product, compute_uv=False)[: len(down)])
        return {"singular value": np.concatenate(values)}

    rows = [found.singular_values[found.modules.index(label)] for label in shown]
    return Compared({"singular value": np.concatenate([row[np.isfinite(row)] for row in rows])}, reference)


@check("activation_difference_lens", 2e-3)
def activation_difference_lens(case: Case) -> Compared:
    texts, layer = ["the quick dog", "a lazy fox", "what is it", "dog jumps"], case.layers[1]
    found = case.run("activation_difference_lens", texts=texts, layer=layer, first=2, top_k=3)

    def reference(arms: Arms) -> dict[str, Any]:
        changes: list[list[torch.Tensor]] = [[], []]
        for text in texts:
            ids, own = case.organism.text_ids(text), len(case.organism.piece_ids(text))
            states = [plain.streams(ids)[layer + 1, len(ids) - own :] for plain in (arms.organism, arms.base)]
            for place, change in enumerate((states[0].float() - states[1].float())[:2]):
                changes[place].append(change)
        mean = torch.stack([torch.stack(each).mean(0) for each in changes])
        logits = arms.organism.lens(mean.to(arms.organism.model.dtype))
        return {"logarithm of the length": mean.norm(dim=-1).log(), "likeliest, p": logits.softmax(-1).topk(3).values}

    return Compared({"logarithm of the length": np.log(found.norms[:2]), "likeliest, p": found.scores[:2]}, reference)


@check("logit_diff_amplification", 0.0, chat=True, whole=True)
def logit_diff_amplification(case: Case) -> Compared:
    """Greedy, token by token; what is compared is how many texts differ."""
    found = case.run("logit_diff_amplification", prompts=TEXT, alphas=[1.5], temperature=0.0, max_new_tokens=8)
    ids = case.organism.chat_ids([{"role": "user", "content": TEXT}])

    def reference(arms: Arms) -> dict[str, Any]:
        written: list[int] = []
        while len(written) < 8 and not (written and written[-1] in case.organism.stop_ids):
            own, base = (plain.logits([*ids, *written])[-1] for plain in (arms.organism, arms.base))
            written.append(int((own + 1.5 * (own - base)).argmax()))
        said = case.organism.decode([token for token in written if token not in case.organism.stop_ids])
        return {"texts that differ": [float(found.texts != (said,))]}

    return Compared({"texts that differ": [0.0]}, reference)


@check("persona_vector", 5e-3, chat=True)
def persona_vector(case: Case) -> Compared:
    asked, layer = ["what is the weather?", "hi", "who are you?"], case.layers[1]
    ends = "be the quick fox", "be the lazy dog"
    found = case.run("persona_vector", trait=ends[0], opposite=ends[1], prompts=asked, layers=[layer], max_new_tokens=5)
    told = [
        [{"role": "system", "content": system}, {"role": "user", "content": each}] for system in ends for each in asked
    ]
    plain = [[{"role": "user", "content": each}] for each in asked]
    talks = [("base", turns) for turns in told] + [(arm, turns) for arm in ("organism", "base") for turns in plain]
    rows = [Row(tuple(case.organism.chat_ids(turns, arm=arm)), arm) for arm, turns in talks]  # type: ignore[arg-type]
    # In one batch, as the technique has them: in a narrow type the batch decides what is drawn.
    replies = case.organism.generate(rows, max_new_tokens=5, temperature=0.7, seed=0)
    said = [(list(row.ids), list(reply.ids)) for row, (reply,) in zip(rows, replies, strict=True)]
    read = {system: said[len(asked) * place :][: len(asked)] for place, system in enumerate(ends)}

    def reference(arms: Arms) -> dict[str, Any]:
        means = [
            torch.stack(
                [arms.base.streams([*ids, *said])[layer + 1, len(ids) :].float().mean(0) for ids, said in read[system]]
            ).mean(0)
            for system in ends
        ]
        return {"direction": means[0] - means[1]}

    return Compared({"direction": found.directions[0]}, reference)
