"""What decoding and reading cost on a GPU, beside Hugging Face's and nnsight's ways and the least that they can cost.

A Llama of 8 B parameters with random weights, in bfloat16. Contestants of a group take turns, and the table gives the
median of their rounds by the clock. With ``--check`` the exit status is 1 when a figure is missed. ``--shape tiny
--device cpu`` runs the same on any machine, for a look whether all works.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import torch
from random_model import SHAPES, organism_of, random_model
from rich.console import Console
from rich.table import Table

from interp_bench_ext.contracts import Reads, Row, Site
from interp_bench_ext.host.organism import LoadedOrganism

_PROMPT, _TOKENS, _TOP = 37, 48, 5
_LENS_POSITIONS, _LONG = 256, 2048
_MIB = 1 << 20


@dataclass
class Contestant:
    """One way to do a piece of work, and what its rounds took."""

    name: str
    work: Callable[[], Any]
    tokens: int = 0
    """That it writes, where it writes."""
    seconds: list[float] = field(default_factory=list)
    mib: float = 0.0
    """Of device memory, at most, beyond what was there before."""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def run(self, device: torch.device) -> None:
        """One round."""
        cuda = device.type == "cuda"
        if cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated() if cuda else 0
        began = time.perf_counter()
        self.work()
        if cuda:
            torch.cuda.synchronize()
            self.mib = max(self.mib, (torch.cuda.max_memory_allocated() - held) / _MIB)
        self.seconds.append(time.perf_counter() - began)


@dataclass(frozen=True)
class Figure:
    """What is asked: the first contestant's speed or time as a multiple of the second's."""

    said: str
    found: float
    limit: float
    at_least: bool

    @property
    def held(self) -> bool:
        return self.found >= self.limit if self.at_least else self.found <= self.limit


class Bench:
    """One model, plain and then with an adapter, and its peers."""

    def __init__(self, shape: str, device: torch.device, rounds: int) -> None:
        self._device, self._rounds = device, rounds
        self._dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self._vocabulary = SHAPES[shape]["vocab_size"]
        self.model = random_model(shape, device, self._dtype)
        self.organism = organism_of(self.model)

    def measured(self, *contestants: Contestant) -> tuple[Contestant, ...]:
        """The contestants after their rounds, in turn, the first of which warms up."""
        for number in range(self._rounds + 1):
            for each in contestants:
                each.run(self._device)
                if number == 0:
                    each.seconds.clear()
        return contestants

    def _row(self, length: int, arm: Any = "organism") -> Row:
        return Row(tuple(3 + (7 * number) % (self._vocabulary - 3) for number in range(length)), arm)

    def _ours(self, organism: LoadedOrganism, rows: list[Row], n: int) -> Callable[[], Any]:
        return lambda: organism.generate(rows, n=n, max_new_tokens=_TOKENS)

    def _peers(self, rows: int) -> Callable[[], Any]:
        given = torch.tensor([self._row(_PROMPT).ids] * rows, device=self._device)
        fixed = {"max_new_tokens": _TOKENS, "min_new_tokens": _TOKENS, "pad_token_id": 0}
        return lambda: self.model.generate(
            given, attention_mask=torch.ones_like(given), do_sample=True, top_k=0, **fixed
        )

    def decoding(self, rows: int) -> tuple[Contestant, ...]:
        """Replies to one prompt, drawn at temperature 1."""
        return self.measured(
            Contestant(
                f"decode {rows} x {_TOKENS}", self._ours(self.organism, [self._row(_PROMPT)], rows), rows * _TOKENS
            ),
            Contestant(f"Hugging Face generate, {rows}", self._peers(rows), rows * _TOKENS),
        )

    def adapted(self, rows: int) -> tuple[Contestant, ...]:
        """The same with an adapter; puts it into the model, which is plain no more."""
        plain = Contestant(
            f"plain {rows}, again", self._ours(self.organism, [self._row(_PROMPT)], rows), rows * _TOKENS
        )
        self.measured(plain)
        organism = organism_of(self.model, adapted=True)
        mixed = [self._row(_PROMPT), self._row(_PROMPT, "base")]
        pure, half = self.measured(
            Contestant("LoRA on all projections", self._ours(organism, mixed[:1], rows), rows * _TOKENS),
            Contestant("half of the rows the base's", self._ours(organism, mixed, rows // 2), rows * _TOKENS),
        )
        return pure, half, plain

    @torch.no_grad()
    def _forward(self, length: int) -> torch.Tensor:
        ids = torch.tensor([self._row(length).ids], device=self._device)
        states: torch.Tensor = self.model.model(input_ids=ids, use_cache=False).last_hidden_state[0]
        return states

    @torch.no_grad()
    def _floor(self) -> None:
        states = self._forward(_LENS_POSITIONS)
        for _ in self._sites:
            self.model.lm_head(states)

    @property
    def _sites(self) -> tuple[Site, ...]:
        layers = range(self.organism.info.n_layers)
        return (Site(0, "resid_pre"), *(Site(layer, "resid_post") for layer in layers))

    def _lens(self, *, last: bool) -> Any:
        reads = Reads(logits=False, sites=self._sites, positions=(-1,) if last else None)
        (batch,) = self.organism.run([self._row(_LENS_POSITIONS)], reads)
        stream = torch.stack([batch.sites[site][0] for site in self._sites])
        return self.organism.read(stream, top_k=_TOP, reference=stream[-1])

    @torch.no_grad()
    def _by_layer(self) -> list[Any]:
        ids = torch.tensor([self._row(_LENS_POSITIONS).ids], device=self._device)
        states = self.model(input_ids=ids, use_cache=False, output_hidden_states=True, logits_to_keep=1).hidden_states
        read = (self.model.lm_head(self.model.model.norm(state[0])).float() for state in states)
        return [each.cpu() for logits in read for each in logits.softmax(-1).topk(_TOP)]

    def lens(self) -> tuple[Contestant, ...]:
        """All layers and positions; ours with the KL to the last layer, which the peers' loops leave out."""
        peers = [Contestant("Hugging Face, a layer at a time, no KL", self._by_layer)]
        if find_spec("nnsight"):
            peers.append(Contestant("nnsight, no KL", nnsight_lens(self.model, self._row(_LENS_POSITIONS), _TOP)))
        ours = Contestant(f"lens, {_LENS_POSITIONS} positions", lambda: self._lens(last=False))
        return self.measured(ours, Contestant("forward and product", self._floor), *peers)

    def last(self) -> tuple[Contestant, ...]:
        """The lens at the last position only."""
        ours = Contestant("lens, last position", lambda: self._lens(last=True))
        return self.measured(ours, Contestant("forward", lambda: self._forward(_LENS_POSITIONS)))

    def kept(self, length: int) -> tuple[Contestant, ...]:
        """A pass that keeps every residual stream."""
        row, reads = self._row(length), Reads(logits=False, sites=self._sites)
        ours = Contestant(f"residuals kept, {length}", lambda: list(self.organism.run([row], reads)))
        return self.measured(ours, Contestant(f"forward, {length}", lambda: self._forward(length)))


def nnsight_lens(model: Any, row: Row, top_k: int) -> Callable[[], Any]:
    """What nnsight does at its best: everything inside one trace, and what is saved is the likeliest tokens alone."""
    from nnsight import NNsight, save

    traced = NNsight(model)
    ids = torch.tensor([row.ids], device=model.device)

    @torch.no_grad()
    def work() -> Any:
        with traced.trace(input_ids=ids, use_cache=False):
            found = save([])
            for layer in traced.model.layers:
                out = layer.output
                stream = out[0] if isinstance(out, tuple) else out
                read = traced.lm_head(traced.model.norm(stream)).float().softmax(-1).topk(top_k)
                found.append((read.values.cpu(), read.indices.cpu()))
        return found

    return work


def figures(bench: Bench, rows: tuple[int, ...]) -> Iterator[tuple[tuple[Contestant, ...], list[Figure]]]:
    """Each group of contestants, with what is asked of it."""
    limits = {1: 2.5, 64: 2.5, 512: 3.0}
    for count in rows:
        ours, peer = bench.decoding(count)
        yield (ours, peer), [Figure(f"{ours.name} to Hugging Face's", peer.median / ours.median, limits[count], True)]
    lens, floor, *peers = bench.lens()
    found = [Figure("lens to forward and product", lens.median / floor.median, 2.0, False)]
    found += [Figure(f"lens to {peer.name}", lens.median / peer.median, 1.0, False) for peer in peers[1:]]
    yield (lens, floor, *peers), found
    last, forward = bench.last()
    yield (last, forward), [Figure("last position to forward", last.median / forward.median, 1.2, False)]
    for length in (_LENS_POSITIONS, _LONG):
        kept, forward = bench.kept(length)
        yield (kept, forward), []
    pure, half, plain = bench.adapted(64)
    wanted = [Figure("LoRA's speed to the plain model's", plain.median / pure.median, 0.7, True)]
    # Two of a kind differ by some hundredths.
    wanted.append(Figure("a half-base batch's time to a pure one's", half.median / pure.median, 1.03, False))
    yield (pure, half, plain), wanted


def main(given: list[str] | None = None) -> int:
    """Print the table; with ``--check``, 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shape", choices=SHAPES, default="8b")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(given)
    device = torch.device(options.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    began = time.perf_counter()
    bench = Bench(options.shape, device, options.rounds)
    table = Table("work", "ms", "tokens/s", "MiB more")
    wanted: list[Figure] = []
    for group, found in figures(bench, (1, 64, 512) if device.type == "cuda" else (1, 64)):
        for each in group:
            speed = f"{each.tokens / each.median:,.0f}" if each.tokens else ""
            table.add_row(each.name, f"{1000 * each.median:,.1f}", speed, f"{each.mib:,.0f}")
        table.add_section()
        wanted += found
    captured = bench.organism._engine.captured
    print(f"{name}, torch {torch.__version__}, shape {options.shape}, steps captured: {captured}")
    Console(width=100).print(table)
    for figure in wanted:
        asked = "at least" if figure.at_least else "at most"
        print(f"{'held  ' if figure.held else 'MISSED'} {figure.said}: {figure.found:.2f}, {asked} {figure.limit}")
    print(f"{time.perf_counter() - began:.0f} s in all")
    return int(options.check and not all(figure.held for figure in wanted))


if __name__ == "__main__":
    sys.exit(main())
