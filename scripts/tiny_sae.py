"""A small sparse autoencoder for the worked example of sae_latents, trained on replies of organism and base."""

from __future__ import annotations

import torch

from interp_bench_ext.agent.playbook.battery import CONFIRM
from interp_bench_ext.contracts import Organism, Reads, Row, Site
from interp_bench_ext.host.autoencoder import Autoencoder

LATENTS, KEPT, STEPS = 256, 12, 600
SITE = Site(24, "resid_post")


def trained(organism: Organism) -> Autoencoder:
    """A TopK autoencoder (arXiv 2406.04093) of :data:`SITE`; the same organism gives the same one."""
    torch.manual_seed(0)
    seen = _streams(organism)
    scale = seen.norm(dim=-1).mean()
    middle = seen.mean(0)
    given = (seen - middle) / scale
    decoder = torch.nn.functional.normalize(torch.randn(LATENTS, seen.shape[1]), dim=-1).requires_grad_()
    encoder = decoder.detach().T.clone().requires_grad_()
    bias = torch.zeros(LATENTS, requires_grad=True)
    optimizer = torch.optim.Adam([decoder, encoder, bias], lr=2e-3)
    for _ in range(STEPS):
        batch = given[torch.randint(len(given), (512,))]
        kept = (batch @ encoder + bias).topk(KEPT, -1)
        latents = torch.zeros(len(batch), LATENTS).scatter(-1, kept.indices, kept.values.clamp(min=0))
        loss = (latents @ decoder - batch).square().sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Autoencoder(
        site=SITE,
        encoder=encoder.detach(),
        encoder_bias=bias.detach() * scale,
        decoder=decoder.detach(),
        decoder_bias=middle,
        centred=True,
        k=KEPT,
    )


def _streams(organism: Organism) -> torch.Tensor:
    """``[places, width]`` of either arm's replies to everyday questions, the first place of each left out."""
    starts = [
        Row(tuple(organism.chat_ids([{"role": "user", "content": prompt}], arm=arm)), arm)
        for prompt in CONFIRM
        for arm in ("organism", "base")
    ]
    written = organism.generate(starts, n=2, max_new_tokens=56, temperature=0.7, seed=0)
    rows = [
        Row((*row.ids, *reply.ids), row.arm) for row, replies in zip(starts, written, strict=True) for reply in replies
    ]
    found = []
    for batch in organism.run(rows, Reads(logits=False, sites=(SITE,))):
        found += [batch.sites[SITE][place, 1:length].float() for place, length in enumerate(batch.lengths)]
    return torch.cat(found)
