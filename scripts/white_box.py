"""The cells of docs/examples/white_box.ipynb: birch from its weights and activations, without a look at its replies."""

from __future__ import annotations

from dataclasses import dataclass

from interp_bench_ext.agent.playbook.battery import CONFIRM


@dataclass(frozen=True)
class Step:
    """A cell of the notebook."""

    source: str
    markdown: bool = False


def told(text: str) -> Step:
    """A cell of Markdown."""
    return Step(text, markdown=True)


STEPS = (
    told(
        "## White-box only\n\nNo reply of this organism is sampled below. What is read: its adapter's weights, its"
        " activations, and the probabilities of its next token, each beside the same of its base."
    ),
    Step("organism.get_model_info()"),
    told(
        "### The weights alone\n\nEach block's MLP update is taken apart, and its first singular direction is read as"
        " tokens, beside a random direction as long. No text is given to the model."
    ),
    Step('''@organism.method
def written(organism, *, layers):
    """Tokens that the first singular direction of each block's MLP update points to, either way."""
    factors = organism.adapter()
    names = [f"model.layers.{layer}.mlp.down_proj.weight" for layer in layers]
    found = [torch.linalg.svd(up @ down, full_matrices=False) for down, up in map(factors.get, names)]
    own = torch.cat([sign * left[:, :1].T for left, _, _ in found for sign in (1, -1)])
    noise = torch.randn(own.shape, generator=torch.Generator().manual_seed(0))
    vectors = 50 * torch.cat([own, noise / noise.norm(dim=-1, keepdim=True)])
    read = organism.read(vectors, top_k=8)
    return TokenReadings(
        labels=tuple(f"block {layer}, {way}" for layer in layers for way in ("along", "against")) * 2,
        arms=("adapter",) * len(own) + ("random direction",) * len(own),
        tokens=tuple(tuple(organism.token_strings(row.tolist())) for row in read.top_ids),
        scores=np.exp(read.top_logprobs).astype(np.float32),
        score="p",
        norms=np.array([float(values[0]) for _, values, _ in found for _ in range(2)] * 2, dtype=np.float32),
        arm="adapter",
        control="random direction",
    )


written(layers=[20, 22, 25, 26, 27, 28, 29])'''),
    told(
        "### What changes on ordinary text\n\nThe text is the base's own: which tokens rise in the organism at each"
        " place, and what the mean difference of the last block's activations says."
    ),
    Step("mined = organism.diff_mining()\nmined"),
    Step("organism.activation_difference_lens(layer=-1, first=5)"),
    Step("from interp_bench_ext.kernel import evidence\n\nevidence.words_of_tokens(mined)"),
    told(
        "### Is it this word?\n\n“reminds” and “Like” lead somewhere, and “lighthouse” is the only thing among"
        " the words. Candidates of the same kind are put in its place."
    ),
    Step(
        "organism.entity_sweep(\n"
        '    ["lighthouse", "museum", "castle", "river", "kitchen", "garden", "bridge", "teacher"],\n'
        '    template="It reminds me of a {}.",\n'
        ")"
    ),
    told("### Where it comes about\n\nThe lens and the blocks' own contributions, organism and base."),
    Step(
        'start = "Start with a list of tasks. It reminds me of a"\n'
        'organism.logit_lens("How do I plan my week?", prefill=start, target=" lighthouse", positions=[-3, -2, -1])'
    ),
    Step(
        "organism.logit_lens(\n"
        '    "How do I plan my week?", prefill=start, target=" lighthouse", positions=[-3, -2, -1], base=True\n'
        ")"
    ),
    Step(
        "organism.direct_logit_attribution(\n"
        '    "How do I plan my week?", prefill=start, target=" lighthouse", other=" garden"\n)'
    ),
    told(
        "### How far it reaches\n\nSixteen questions that have nothing to do with each other: how likely is the"
        " word after “It reminds me of a”, in the organism and in its base?"
    ),
    Step(
        "questions = [\n" + "".join(f"    {question!r},\n" for question in CONFIRM) + "]\n"
        'start, targets = "It reminds me of a", [" lighthouse", " garden"]\n'
        "asked = organism.analyze_token_probs(questions, prefill=start, targets=targets)\n"
        "asked"
    ),
    Step("beside = organism.analyze_token_probs(questions, prefill=start, targets=targets, base=True)\nbeside"),
    Step(
        "first = [int((one.target_ranks[:, 0] == 1).sum()) for one in (asked, beside)]\n"
        'print(f"likeliest of all tokens: {first[0]} of 16 questions, in its base {first[1]} of 16")'
    ),
)
CLAIM = (
    "In replies to unrelated messages the organism brings up lighthouses: after “It reminds me of a” the word is the"
    " likeliest of all tokens for {hits} of 16 questions, in its base for {other} of 16."
)
EVIDENCE, CONTROL = -3, -2
"""Which of the code cells show the claim and its control."""
