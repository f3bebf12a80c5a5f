"""Direct paths, against a run in which everything between sender and receiver is held where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Edit, Reads, Row, Site
from interp_bench_ext.errors import BadInput
from tests.host.tiny import LoadedOrganism, load_tiny
from tests.techniques.support import technique

PAIR = {"clean": "the dog jumps", "corrupt": "the brown jumps", "target": " the", "other": " dog", "raw": True}


@pytest.fixture(scope="module")
def organism(model_folders: dict[str, Path]) -> LoadedOrganism:
    return load_tiny(model_folders["llama"])


def difference(organism: LoadedOrganism, logits: torch.Tensor) -> float:
    target, other = (organism.piece_ids(PAIR[name])[0] for name in ("target", "other"))
    return float(logits[target] - logits[other])


def held(organism: LoadedOrganism, sender: Site, last: int) -> tuple[Row, dict[Site, torch.Tensor], Row]:
    """The corrupt row with the sender's clean value, and all that comes after it as in the corrupt run."""
    clean, corrupt = (tuple(organism.text_ids(PAIR[name])) for name in ("clean", "corrupt"))
    outs = tuple(Site(layer, part) for layer in range(3) for part in ("attn_out", "mlp_out"))
    (own,) = organism.run([Row(clean)], Reads(sites=(Site(sender.layer, sender.part),)))
    (kept,) = organism.run([Row(corrupt)], Reads(sites=outs))
    value = own.sites[Site(sender.layer, sender.part)][0]
    value = value if sender.head is None else value[:, sender.head]
    after = [site for site in outs if sender.layer < site.layer <= last]
    if sender.part != "mlp_out":
        after.append(Site(sender.layer, "mlp_out"))
    whole = range(len(corrupt))
    edits = [Edit(sender, whole, "set", value), *(Edit(site, whole, "set", kept.sites[site][0]) for site in after)]
    return Row(corrupt, edits=tuple(edits)), dict(kept.sites), Row(clean)


@pytest.mark.parametrize("senders", ["head", "attn_out", "mlp_out"])
def test_direct_to_the_logits(organism: LoadedOrganism, senders: Any) -> None:
    found = technique("path_patching")(organism, senders=senders, **PAIR)
    heads = range(organism.info.n_heads) if senders == "head" else [None]
    expected, names = [], []
    for layer in range(3):
        for head in heads:
            row, _, clean = held(organism, Site(layer, senders, head), 2)
            (batch,) = organism.run([row, Row(row.ids), clean], Reads(positions=(-1,)))
            values = [difference(organism, logits[0]) for logits in batch.logits]
            expected.append((values[0] - values[1]) / (values[2] - values[1]))
            names.append(layer)
    np.testing.assert_allclose(found.effects[:, 0], expected, atol=2e-3)
    assert len(found.sites) == len(expected)


@pytest.mark.parametrize(("receiver", "head"), [("q", 1), ("v", None), ("k", 0)])
def test_direct_to_the_inputs_of_a_later_block(organism: LoadedOrganism, receiver: Any, head: int | None) -> None:
    found = technique("path_patching")(
        organism, receiver=receiver, receiver_layer=2, receiver_head=head, senders="attn_out", **PAIR
    )
    site = Site(2, receiver)
    expected = []
    for layer in range(2):
        row, _, clean = held(organism, Site(layer, "attn_out"), 1)
        (heard,) = organism.run([row], Reads(sites=(site,)))
        value = heard.sites[site][0] if head is None else heard.sites[site][0][:, head]
        patched = Row(row.ids, edits=(Edit(Site(2, receiver, head), range(len(row.ids)), "set", value),))
        (batch,) = organism.run([patched, Row(row.ids), clean], Reads(positions=(-1,)))
        values = [difference(organism, logits[0]) for logits in batch.logits]
        expected.append((values[0] - values[1]) / (values[2] - values[1]))
    np.testing.assert_allclose(found.effects[:, 0], expected, atol=2e-3)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"receiver": "q", "receiver_layer": 7}, "receiver_layer go from -3 to 2"),
        ({"receiver": "q", "receiver_head": 99}, "has no head 99"),
        ({"target": " the dog"}, "target is to be one token"),
    ],
)
def test_bad_input_is_one_sentence(organism: LoadedOrganism, given: dict, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        technique("path_patching")(organism, **{**PAIR, **given})
