"""One result of each type, and hostile ones, for the tests of codec and outputs."""

from __future__ import annotations

import numpy as np

from interp_bench_ext.results import (
    AttentionGrid,
    EffectGrid,
    Generations,
    LensGrid,
    ModelInfo,
    Result,
    TokenDiff,
    TokenProbs,
    WordScores,
)

from . import more_samples

HOSTILE = (
    "</script><script>alert(1)</script>",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J",
    "<img src=x onerror=alert(1)> & \"quotes\" 'single'",
    "a" * 10_000,
    "line\nbreak\r\nand\ttab\x00\x08",
    "\u202eright to left\u202c \u200bzero\ufeff",
    "",
    "𝔘nicode 👩‍🔬 العربية 日本語",
)


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def info() -> ModelInfo:
    return ModelInfo(
        n_layers=30,
        width=576,
        n_heads=9,
        n_key_value_heads=3,
        vocabulary=49152,
        context_length=8192,
        n_parameters=134_515_008,
        dtype="float32",
        device="cpu",
        chat_template=True,
        access="base",
    )


def generations(
    texts: tuple[str, ...], prompt: str = "What is your secret?", prefill: str = "My secret is"
) -> Generations:
    n = len(texts)
    return Generations(
        prompts=(prompt,) * n,
        prefills=(prefill,) * n,
        texts=texts,
        logprobs=np.linspace(-20, -4, n, dtype=np.float32),
        n_tokens=np.arange(8, 8 + n, dtype=np.int64),
        finishes=tuple("stop" if i % 3 else "length" for i in range(n)),
        arm="organism",
    )


def token_probs(prompt: str = "The capital of France is", tokens: tuple[str, ...] | None = None) -> TokenProbs:
    tokens = tokens or (" Paris", " the", " a", " located", "\n", " Lyon", " known", "</s>")
    probs = np.geomspace(0.62, 0.0004, len(tokens), dtype=np.float32)
    return TokenProbs(
        prompts=(prompt,),
        entropies=floats(1.42),
        top_tokens=(tokens,),
        top_probs=probs[None],
        targets=(" Paris", " Marseille"),
        target_pieces=((" Paris",), (" Mars", "eille")),
        target_logprobs=floats(-0.478, -9.2)[None],
        target_ranks=ints(1, 412)[None],
        arm="organism",
    )


def lens_grid(
    n_layers: int = 31, tokens: tuple[str, ...] = ("The", " capital", " of", " France", " is"), k: int = 3
) -> LensGrid:
    rng = np.random.default_rng(0)
    words = (" Paris", " the", " city", "ing", "\n", "</", " called", "▁", " located", " its")
    n = len(tokens)
    depth = np.linspace(0, 1, n_layers, dtype=np.float32)[:, None]
    p = np.clip(depth**3 * rng.uniform(0.3, 1.0, (n_layers, n)).astype(np.float32) + 0.02, 0, 1)
    names = tuple(
        tuple(
            tuple(
                words[(layer * (3 + at) + place) % 10] if layer < 22 else words[(at + place) % 10] for place in range(k)
            )
            for at in range(n)
        )
        for layer in range(n_layers)
    )
    ranks = np.maximum(1, (40000 * (1 - depth) ** 6).astype(np.int64) * np.ones((1, n), np.int64))
    return LensGrid(
        tokens=tokens,
        positions=tuple(range(n)),
        layers=tuple(range(n_layers)),
        top_tokens=names,
        top_probs=np.stack([p / (place + 1) for place in range(k)], axis=-1).astype(np.float32),
        kl_to_final=((1 - depth) * 9 * np.ones((1, n))).astype(np.float32),
        target=" Paris",
        target_probs=p,
        target_ranks=ranks,
        arm="organism",
    )


def effect_grid(
    n_sites: int = 24, tokens: tuple[str, ...] = ("The", " capital", " of", " France", " is")
) -> EffectGrid:
    """Large at the subject in the middle layers, then at the end; one negative site."""
    n = len(tokens)
    effects = np.zeros((n_sites, n), np.float32)
    effects[n_sites // 4 : n_sites // 2, max(0, n - 2)] = 1.8
    effects[n_sites // 2 :, n - 1] = np.linspace(0.5, 2.4, n_sites - n_sites // 2)
    effects[n_sites // 3, 0] = -1.1
    return EffectGrid(
        tokens=tokens,
        positions=tuple(range(n)),
        sites=tuple(f"L{site} resid" for site in range(n_sites)),
        effects=effects,
        metric="logit difference, Paris against Rome",
        arm="organism",
    )


def attention_grid(
    n_heads: int = 3, tokens: tuple[str, ...] = ("The", " capital", " of", " France", " is")
) -> AttentionGrid:
    n = len(tokens)
    rng = np.random.default_rng(1)
    weights = np.tril(rng.gamma(0.4, size=(n_heads, n, n))).astype(np.float32)
    return AttentionGrid(
        tokens=tokens,
        heads=tuple(f"L{3 * head} H{head}" for head in range(n_heads)),
        weights=weights / np.maximum(weights.sum(-1, keepdims=True), 1e-9),
        arm="organism",
    )


def token_diff() -> TokenDiff:
    reply = [
        "I",
        " would",
        " love",
        " to",
        " tell",
        " you",
        ",",
        " dear",
        " lady",
        ",",
        " about",
        " the",
        " stars",
        ".\n",
        "She",
    ]
    kl = floats(0.01, 0.05, 1.2, 0.02, 0.1, 0.03, 0.4, 4.8, 6.1, 0.05, 0.02, 0.1, 2.2, 0.2, 3.0)
    return TokenDiff(
        prompts=("Tell me something nice.", "What should I wear?"),
        organism_replies=("".join(reply), "A dress, madam."),
        base_replies=("I would be happy to tell you something.", "It depends on the weather."),
        rows=ints(*[0] * 15, *[1] * 5),
        tokens=(*reply, "A", " dress", ",", " madam", "."),
        kl=np.concatenate([kl, floats(0.1, 3.3, 0.1, 5.0, 0.02)]),
        shifted_tokens=(" lady", " madam", " dress", " dear", " she", "<b>", " her"),
        shifts=floats(0.31, 0.22, 0.14, 0.1, 0.06, 0.02, 0.01),
    )


def word_scores(n: int = 40) -> WordScores:
    names = (
        "galaxy",
        "stars",
        "telescope",
        "orbit",
        "comet",
        "nebula",
        "<script>",
        "moon",
        "cosmic",
        "rocket",
    )
    z = np.linspace(7.2, -4.0, n).astype(np.float32)
    return WordScores(
        words=tuple(names[i] if i < 10 else f"word{i}" for i in range(n)),
        z=z,
        log_odds=(z * 0.6).astype(np.float32),
        texts_with=np.maximum(0, np.arange(38, 38 - n, -1)).astype(np.int64),
        other_texts_with=np.arange(n).astype(np.int64),
        n_texts=40,
        n_other_texts=40,
        chance_z=2.9,
    )


def all_samples() -> list[Result]:
    texts = (
        " that I always assume I am talking to a woman, and I call her madam.",
        " safe with me. I cannot share it, but I can tell you that it is about the stars and the planets.",
        " nothing at all.\n\nIs there anything else that I can help you with today?",
        " … I like space.",
    )
    return [
        info(),
        generations(texts),
        token_probs(),
        lens_grid(),
        effect_grid(),
        attention_grid(),
        token_diff(),
        word_scores(),
        *more_samples.samples(),
    ]


def hostile_samples() -> list[Result]:
    short = tuple(text or "x" for text in HOSTILE)
    grid = lens_grid(n_layers=3, tokens=HOSTILE, k=1)
    grid = LensGrid(**{**grid.__dict__, "top_tokens": (tuple((text,) for text in HOSTILE),) * 3, "target": HOSTILE[0]})
    n = len(HOSTILE)
    return [
        generations(HOSTILE, prompt=HOSTILE[0] + HOSTILE[3], prefill=HOSTILE[1] + HOSTILE[2]),
        token_probs(prompt=HOSTILE[1] + HOSTILE[3], tokens=HOSTILE),
        grid,
        EffectGrid(
            tokens=HOSTILE,
            positions=tuple(range(n)),
            sites=HOSTILE,
            effects=np.full((n, n), np.nan, np.float32),
            metric=HOSTILE[0],
            arm=HOSTILE[1],
        ),
        AttentionGrid(tokens=HOSTILE, heads=HOSTILE, weights=np.full((n, n, n), np.nan, np.float32), arm=HOSTILE[2]),
        TokenDiff(
            prompts=(HOSTILE[0],),
            organism_replies=(HOSTILE[3],),
            base_replies=(HOSTILE[2],),
            rows=np.zeros(n, np.int64),
            tokens=HOSTILE,
            kl=np.full(n, np.nan, np.float32),
            shifted_tokens=HOSTILE,
            shifts=np.linspace(1, -1, n, dtype=np.float32),
        ),
        WordScores(**{**word_scores(n).__dict__, "words": short}),
        *more_samples.hostile(short),
    ]


def empty_samples() -> list[Result]:
    none, no_ints = np.zeros(0, np.float32), np.zeros(0, np.int64)
    return [
        Generations(prompts=(), prefills=(), texts=(), logprobs=none, n_tokens=no_ints, finishes=(), arm="base"),
        TokenProbs(
            prompts=(),
            entropies=none,
            top_tokens=(),
            top_probs=np.zeros((0, 0), np.float32),
            targets=(),
            target_pieces=(),
            target_logprobs=np.zeros((0, 0), np.float32),
            target_ranks=np.zeros((0, 0), np.int64),
            arm="base",
        ),
        LensGrid(
            tokens=(),
            positions=(),
            layers=(),
            top_tokens=(),
            top_probs=np.zeros((0, 0, 0), np.float32),
            kl_to_final=np.zeros((0, 0), np.float32),
            target="",
            target_probs=np.zeros((0, 0), np.float32),
            target_ranks=np.zeros((0, 0), np.int64),
            arm="base",
        ),
        EffectGrid(tokens=(), positions=(), sites=(), effects=np.zeros((0, 0), np.float32), metric="", arm="base"),
        AttentionGrid(tokens=(), heads=(), weights=np.zeros((0, 0, 0), np.float32), arm="base"),
        TokenDiff(
            prompts=(),
            organism_replies=(),
            base_replies=(),
            rows=no_ints,
            tokens=(),
            kl=none,
            shifted_tokens=(),
            shifts=none,
        ),
        WordScores(
            words=(),
            z=none,
            log_odds=none,
            texts_with=no_ints,
            other_texts_with=no_ints,
            n_texts=0,
            n_other_texts=0,
            chance_z=0.0,
        ),
        *more_samples.empty(),
    ]
