"""What decoding and reading cost on a GPU, beside Hugging Face's and nnsight's ways and the least that they can cost.

A Llama of 8 B parameters with random weights, in bfloat16. Contestants of a group take turns, and the table gives the
median of their rounds. With ``--check`` the exit status is 1 when a figure is missed. ``--shape tiny
--device cpu`` runs the same on any machine, for a look whether all works.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import torch
from contest import Contestant, Report, at_least, at_most, measured, peers
from lab.figures import Figure
from peer_lenses import by_layer, nnsight_lens
from plain import forward, lens, lens_floor, replies, streams
from random_model import SHAPES, organism_of, random_model

from interp_bench_ext.contracts import Reads, Row
from interp_bench_ext.host.base_model import base_beside
from interp_bench_ext.host.organism import LoadedOrganism

_PROMPT, _TOKENS, _TOP = 37, 48, 5
_LENS_POSITIONS, _LONG = 256, 2048


class Bench:
    """One model and its peers, who have modules of their own over the same weights."""

    def __init__(self, shape: str, device: torch.device, rounds: int) -> None:
        self._device, self._rounds = device, rounds
        self._dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self._vocabulary = SHAPES[shape]["vocab_size"]
        self.model = random_model(shape, device, self._dtype)
        self.organism = organism_of(base_beside(self.model, ()))

    def measured(self, *contestants: Contestant) -> tuple[Contestant, ...]:
        """The contestants after their rounds."""
        return measured(contestants, self._device, self._rounds)

    def _row(self, length: int, arm: Any = "organism") -> Row:
        return Row(tuple(3 + (7 * number) % (self._vocabulary - 3) for number in range(length)), arm)

    def _ours(self, organism: LoadedOrganism, rows: list[Row], n: int) -> Callable[[], Any]:
        return lambda: organism.generate(rows, n=n, max_new_tokens=_TOKENS)

    def decoding(self, rows: int) -> tuple[Contestant, ...]:
        """Replies to one prompt, drawn at temperature 1."""
        return self.measured(
            Contestant(
                f"decode {rows} x {_TOKENS}", self._ours(self.organism, [self._row(_PROMPT)], rows), rows * _TOKENS
            ),
            Contestant(
                f"Hugging Face generate, {rows}",
                lambda: replies(self.model, [self._row(_PROMPT)] * rows, _TOKENS),
                rows * _TOKENS,
            ),
        )

    def adapted(self, rows: int) -> tuple[Contestant, ...]:
        """The same with an adapter."""
        plain = Contestant(
            f"plain {rows}, again", self._ours(self.organism, [self._row(_PROMPT)], rows), rows * _TOKENS
        )
        self.measured(plain)
        organism = organism_of(base_beside(self.model, ()), adapted=True)
        mixed = [self._row(_PROMPT), self._row(_PROMPT, "base")]
        pure, half = self.measured(
            Contestant("LoRA on all projections", self._ours(organism, mixed[:1], rows), rows * _TOKENS),
            Contestant("half of the rows the base's", self._ours(organism, mixed, rows // 2), rows * _TOKENS),
        )
        return pure, half, plain

    def lens(self) -> tuple[Contestant, ...]:
        """All layers and positions; ours with the KL to the last layer, which the peers' loops leave out."""
        row = self._row(_LENS_POSITIONS)
        others = [Contestant("Hugging Face, a layer at a time, no KL", by_layer(self.model, row.ids, _TOP))]
        if find_spec("nnsight"):
            others.append(Contestant("nnsight, no KL", nnsight_lens(self.model, row.ids, _TOP)))
        ours = Contestant(f"lens, {_LENS_POSITIONS} positions", lambda: lens(self.organism, row.ids, _TOP))
        return self.measured(
            ours,
            Contestant("forward and product", lambda: lens_floor(self.model, row.ids, len(streams(self.organism)))),
            *others,
        )

    def last(self) -> tuple[Contestant, ...]:
        """The lens at the last position only."""
        ids = self._row(_LENS_POSITIONS).ids
        ours = Contestant("lens, last position", lambda: lens(self.organism, ids, _TOP, (-1,)))
        return self.measured(ours, Contestant("forward", lambda: forward(self.model, ids)))

    def kept(self, length: int) -> tuple[Contestant, ...]:
        """A pass that keeps every residual stream."""
        row, reads = self._row(length), Reads(logits=False, sites=streams(self.organism))
        ours = Contestant(f"residuals kept, {length}", lambda: list(self.organism.run([row], reads)))
        return self.measured(ours, Contestant(f"forward, {length}", lambda: forward(self.model, row.ids)))


def figures(bench: Bench, rows: tuple[int, ...]) -> Iterator[tuple[tuple[Contestant, ...], list[Figure]]]:
    """Each group of contestants, with what is asked of it."""
    limits = {1: 2.5, 64: 2.5, 512: 3.0}
    for count in rows:
        ours, peer = bench.decoding(count)
        yield (
            (ours, peer),
            [at_least(f"{ours.name}: speed to Hugging Face's", peer.median / ours.median, limits[count])],
        )
    read, floor, *others = bench.lens()
    wanted = [at_most("lens: time to forward and product", read.median / floor.median, 2.0)]
    wanted += [at_most(f"lens: time to {peer.name}", read.median / peer.median, 1.0) for peer in others[1:]]
    yield (read, floor, *others), wanted
    last, passed = bench.last()
    yield (last, passed), [at_most("last position: time to forward", last.median / passed.median, 1.2)]
    for length in (_LENS_POSITIONS, _LONG):
        yield bench.kept(length), []
    pure, half, plain = bench.adapted(64)
    yield (
        (pure, half, plain),
        [
            at_least("LoRA: speed to the plain model's", plain.median / pure.median, 0.7),
            # Two of a kind differ by some hundredths.
            at_most("a half-base batch: time to a pure one's", half.median / pure.median, 1.03),
        ],
    )


def main() -> int:
    """Print the table; with ``--check``, 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shape", choices=SHAPES, default="8b")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    device = torch.device(options.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    began = time.perf_counter()
    bench, report = Bench(options.shape, device, options.rounds), Report()
    for group, wanted in figures(bench, (1, 64, 512) if device.type == "cuda" else (1, 64)):
        report.add(group, wanted)
    captured = bench.organism._engine.captured
    with_peers = ", ".join([f"torch {torch.__version__}", *peers("transformers", "nnsight")])
    print(f"{name}, {with_peers}, shape {options.shape}, steps captured: {captured}")
    held = report.print()
    print(f"{time.perf_counter() - began:.0f} s in all")
    return int(options.check and not held)


if __name__ == "__main__":
    sys.exit(main())
