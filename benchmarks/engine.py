"""What reads and edits cost on the bundled model, beside the least that they can cost and beside Hugging Face's ways.

The floor of the lens is one forward pass and one product with the unembedding for each layer; that of kept residuals
is the plain forward pass. Contestants take turns, and the table gives the median of their processor time, which other
work on the machine disturbs less than the clock, and the most memory that any round took beyond what was there before.
With ``--check`` the exit status is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil
import torch
from rich.console import Console
from rich.table import Table

from interp_bench_ext.contracts import Edit, Reads, Row, Site
from interp_bench_ext.host.bundled import ensure_bundled
from interp_bench_ext.host.organism import LoadedOrganism, load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate

_POSITIONS, _TOP = 256, 5
_LENS_AT_MOST, _LENS_MIB, _KEPT_AT_MOST = 1.15, 100.0, 1.05
_GRID_POSITIONS, _GRID_LAYERS, _GRID_OFF = 32, (5, 15, 25), 1e-4
_SAMPLE_S = 0.002


@dataclass
class Contestant:
    """One way to do a piece of work, and what its rounds took."""

    name: str
    work: Callable[[], Any]
    seconds: list[float] = field(default_factory=list)
    mib: float = 0.0

    def run(self) -> None:
        """One round."""
        with _Peak() as peak:
            before = time.process_time()
            self.work()
            self.seconds.append(time.process_time() - before)
        self.mib = max(self.mib, peak.mib)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


class _Peak:
    """The most memory that the process had above what it began with, looked at every few milliseconds."""

    def __enter__(self) -> _Peak:
        self._process, self._ended = psutil.Process(), threading.Event()
        self._start = self._most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_S):
            self._most = max(self._most, self._process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.mib = (self._most - self._start) / (1 << 20)


class Bench:
    """The bundled model as an organism, and plain passes of the same modules."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        spec = OrganismSpec(name=str(ensure_bundled("smollm2-135m-instruct").path), device="cpu", dtype="float32")
        self.organism: LoadedOrganism = load_organism(spec, locate(spec), lambda _stage, _done, _total: None)
        self.model = self.organism._engine.organism.model
        text = "The quick brown fox jumps over the lazy dog, and nobody who saw it was surprised. " * 40
        self.row = Row(tuple(self.organism.text_ids(text)[:_POSITIONS]))
        self.ids = torch.tensor([self.row.ids])
        layers = range(self.organism.info.n_layers)
        self.sites = (Site(0, "resid_pre"), *(Site(layer, "resid_post") for layer in layers))

    def measured(self, *contestants: Contestant) -> list[Contestant]:
        """The contestants after their rounds, in turn."""
        for number in range(self._rounds + 1):
            for each in contestants:
                each.run()
                if number == 0:  # to warm up
                    each.seconds.clear()
                    each.mib = 0.0
        return list(contestants)

    @torch.no_grad()
    def _plain(self) -> Any:
        return self.model(input_ids=self.ids, use_cache=False, logits_to_keep=1)

    @torch.no_grad()
    def _floor(self) -> None:
        states = self.model.model(input_ids=self.ids, use_cache=False).last_hidden_state[0]
        for _ in self.sites:
            self.model.lm_head(states)

    def _lens(self) -> Any:
        (batch,) = self.organism.run([self.row], Reads(logits=False, sites=self.sites))
        stream = torch.stack([batch.sites[site][0] for site in self.sites])
        return self.organism.read(stream, top_k=_TOP, reference=stream[-1])

    @torch.no_grad()
    def _by_layer(self) -> None:
        states = self.model(input_ids=self.ids, use_cache=False, output_hidden_states=True, logits_to_keep=1)
        for state in states.hidden_states:
            self.model.lm_head(self.model.model.norm(state[0])).softmax(-1).topk(_TOP)

    def lens(self) -> list[Contestant]:
        """All layers and positions, with the KL to the last layer, which the peer's loop leaves out."""
        return self.measured(
            Contestant("floor", self._floor),
            Contestant("lens", self._lens),
            Contestant("Hugging Face, a layer at a time, no KL", self._by_layer),
        )

    def kept(self) -> list[Contestant]:
        """A forward pass that keeps every residual stream."""
        reads = Reads(logits=False, sites=self.sites)
        return self.measured(
            Contestant("floor", self._plain),
            Contestant("residuals kept", lambda: list(self.organism.run([self.row], reads))),
        )

    def grid(self) -> tuple[list[Contestant], float]:
        """A patching grid in one call and one at a time, and the largest difference of their logits."""
        clean, corrupt = self.row.ids[:_GRID_POSITIONS], (*self.row.ids[: _GRID_POSITIONS - 9], *self.row.ids[100:109])
        sites = tuple(Site(layer, "resid_pre") for layer in _GRID_LAYERS)
        (batch,) = self.organism.run([Row(clean)], Reads(logits=False, sites=sites))
        rows = [
            Row(corrupt, edits=(Edit(site, (at,), "set", batch.sites[site][0, at]),))
            for site in sites
            for at in range(_GRID_POSITIONS)
        ]
        last = Reads(positions=(-1,))

        def together() -> torch.Tensor:
            return torch.cat([each.logits for each in self.organism.run(rows, last)])

        def alone() -> torch.Tensor:
            return torch.cat([self._patched(corrupt, row.edits[0]) for row in rows])

        off = float((together()[:, 0] - alone()).abs().max())
        return [Contestant("patching one at a time", alone), Contestant("patching grid", together)], off

    @torch.no_grad()
    def _patched(self, ids: tuple[int, ...], edit: Edit) -> torch.Tensor:
        """``[1, V]`` by a hook of Hugging Face's module."""
        (at,) = edit.positions or ()

        def write(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            changed = args[0].clone()
            changed[0, at] = edit.value
            return (changed, *args[1:])

        handle = self.model.model.layers[edit.site.layer].register_forward_pre_hook(write)
        try:
            logits: torch.Tensor = self.model(input_ids=torch.tensor([ids]), use_cache=False).logits[:, -1]
            return logits
        finally:
            handle.remove()


def _show(table: Table, floor: Contestant, contestants: list[Contestant]) -> None:
    for each in contestants:
        table.add_row(each.name, f"{each.median:.2f}", f"{each.median / floor.median:.2f}", f"{each.mib:.0f}")


def main() -> int:
    """Print the table; with ``--check``, 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    bench = Bench(options.rounds)
    table = Table("work", "processor s", "of the floor", "MiB more")
    lens, kept = bench.lens(), bench.kept()
    for group in (lens, kept):
        _show(table, group[0], group)
        table.add_section()
    grid, off = bench.grid()
    grid = bench.measured(*grid)
    _show(table, grid[0], grid)
    Console().print(table)
    figures = {
        f"the lens takes at most {_LENS_AT_MOST} of its floor": lens[1].median <= _LENS_AT_MOST * lens[0].median,
        f"the lens takes less than {_LENS_MIB:.0f} MiB more": lens[1].mib < _LENS_MIB,
        f"residuals kept take at most {_KEPT_AT_MOST}": kept[1].median <= _KEPT_AT_MOST * kept[0].median,
        f"the grid's logits are those of single patches ({off:.1g})": off <= _GRID_OFF,
    }
    for figure, held in figures.items():
        print(("held  " if held else "MISSED"), figure)
    return int(options.check and not all(figures.values()))


if __name__ == "__main__":
    sys.exit(main())
