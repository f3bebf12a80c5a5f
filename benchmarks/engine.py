"""What reads, edits and replies cost on the bundled model, beside the least that they can cost and other packages.

The floor of the lens is one forward pass and one product with the unembedding for each layer; that of kept residuals
is the plain forward pass. Contestants take turns, and the table gives the median of their processor time. Packages
that are not installed are left out (``pip install transformer_lens nnsight``). ``--only`` names groups; with
``--check`` the exit status is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from contest import Contestant, Report, at_least, at_most, measured, peers
from lab.figures import Figure
from peer_lenses import bridge_lens, by_layer, nnsight_lens
from plain import lens, lens_floor, replies, streams
from transformers import AutoModelForCausalLM

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from interp_bench_ext.contracts import Edit, Reads, Row, Site  # noqa: E402
from interp_bench_ext.conversations import Message  # noqa: E402
from interp_bench_ext.host.bundled import ensure_bundled  # noqa: E402
from interp_bench_ext.host.organism import load_organism  # noqa: E402
from interp_bench_ext.host.spec import OrganismSpec  # noqa: E402
from interp_bench_ext.organisms.locate import locate  # noqa: E402
from scripts.host_environment import work_as_a_host  # noqa: E402

Group = tuple[tuple[Contestant, ...], list[Figure]]
CPU = torch.device("cpu")
_POSITIONS, _TOP = 256, 5
_GRID_POSITIONS, _SINGLE = 32, 32
_BATTERY_ROWS, _TOKENS, _NAIVE_ROWS = 64, 48, 2


class Bench:
    """The bundled model as an organism, and as transformers gives it to anyone."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self.folder = str(ensure_bundled("smollm2-135m-instruct").path)
        spec = OrganismSpec(name=self.folder, device="cpu", dtype="float32")
        self.organism = load_organism(spec, locate(spec), lambda _stage, _done, _total: None)
        self.model = AutoModelForCausalLM.from_pretrained(self.folder, dtype=torch.float32).eval()
        text = "The quick brown fox jumps over the lazy dog, and nobody who saw it was surprised. " * 40
        self.ids = tuple(self.organism.text_ids(text)[:_POSITIONS])
        self.sites = streams(self.organism)

    def measured(self, *contestants: Contestant) -> tuple[Contestant, ...]:
        """The contestants after their rounds."""
        return measured(contestants, CPU, self._rounds)

    @torch.no_grad()
    def _forward(self) -> Any:
        return self.model(input_ids=torch.tensor([self.ids]), use_cache=False, logits_to_keep=1)

    def lens(self) -> Group:
        """All layers and positions; ours with the KL to the last layer, which the peers leave out."""
        others = [Contestant("Hugging Face, a layer at a time, no KL", by_layer(self.model, self.ids, _TOP))]
        if find_spec("nnsight"):
            others.append(Contestant("nnsight, no KL", nnsight_lens(self.model, self.ids, _TOP)))
        if find_spec("transformer_lens"):
            work = bridge_lens(self.model, self.folder, self.ids, _TOP)
            others.append(Contestant("TransformerLens' bridge, no KL", work))
        floor, read, *others = self.measured(
            Contestant("floor", lambda: lens_floor(self.model, self.ids, len(self.sites))),
            Contestant("lens", lambda: lens(self.organism, self.ids, _TOP)),
            *others,
        )
        figures = [
            at_most("lens: time to the floor", read.median / floor.median, 1.15),
            *(at_least(f"lens: speed to {each.name}", each.median / read.median, 1.6) for each in others[1:]),
        ]
        return (floor, read, *others), figures

    def kept(self) -> Group:
        """A forward pass that keeps every residual stream."""
        reads = Reads(logits=False, sites=self.sites)
        plain, ours = self.measured(
            Contestant("forward", self._forward),
            Contestant("residuals kept", lambda: list(self.organism.run([Row(self.ids)], reads))),
        )
        return (plain, ours), [at_most("residuals kept: time to forward", ours.median / plain.median, 1.05)]

    def grid(self) -> Group:
        """A patching grid over all layers in one call, and some of its cells one at a time."""
        clean = self.ids[:_GRID_POSITIONS]
        corrupt = (*clean[:1], *self.ids[100 : 99 + _GRID_POSITIONS])  # other tokens, so that every cell changes
        sites = tuple(Site(layer, "resid_pre") for layer in range(self.organism.info.n_layers))
        (batch,) = self.organism.run([Row(clean)], Reads(logits=False, sites=sites))
        rows = [
            Row(corrupt, edits=(Edit(site, (at,), "set", batch.sites[site][0, at]),))
            for at in range(_GRID_POSITIONS)
            for site in sites
        ]
        some = range(0, len(rows), len(rows) // _SINGLE)
        found: dict[str, torch.Tensor] = {}

        def together() -> None:
            reads = Reads(positions=(-1,))
            found["together"] = torch.cat([each.logits[:, 0] for each in self.organism.run(rows, reads)])[list(some)]

        def alone() -> None:
            found["alone"] = torch.cat([self._patched(corrupt, rows[number].edits[0]) for number in some])

        one, all_ = self.measured(
            Contestant(f"patching one at a time ({len(some)} of {len(rows)})", alone, times=len(rows) / len(some)),
            Contestant(f"patching grid, {len(sites)} x {_GRID_POSITIONS}", together),
        )
        wanted, other = (self.model(input_ids=torch.tensor([ids])).logits[0, -1] for ids in (clean, corrupt))
        answers = int(wanted.argmax()), int(other.argmax())

        def share(logits: torch.Tensor) -> torch.Tensor:
            """Of the way from the corrupt prompt's logit difference to the clean one's."""
            value, *ends = (each[..., answers[0]] - each[..., answers[1]] for each in (logits, wanted, other))
            return (value - ends[1]) / (ends[0] - ends[1])

        apart = share(found["together"]) - share(found["alone"])
        logs = found["together"].log_softmax(-1) - found["alone"].log_softmax(-1)
        return (one, all_), [
            at_least("patching grid: speed to one at a time", one.median / all_.median, 9.0),
            at_most("patching grid: largest difference of an effect", float(apart.abs().max()), 1e-5),
            at_most("patching grid: largest difference of a log-probability", float(logs.abs().max()), 1e-4),
        ]

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

    def attribution(self) -> Group:
        """Gradients at every block's stream, beside the forward and backward pass that they come from."""
        ids, wanted = self.ids[:_GRID_POSITIONS], self.ids[_GRID_POSITIONS]
        reads = Reads(logits=False, sites=self.sites[1:], grad_of=lambda _row, logits: logits[-1, wanted])

        def both_ways() -> None:
            stream = self.model.get_input_embeddings()(torch.tensor([ids])).detach().requires_grad_()
            logits = self.model(inputs_embeds=stream, use_cache=False).logits
            logits[0, -1, wanted].backward()

        plain, ours = self.measured(
            Contestant("forward and backward", both_ways),
            Contestant("attribution grid", lambda: list(self.organism.run([Row(ids)], reads))),
        )
        return (plain, ours), [at_most("attribution: time to both passes", ours.median / plain.median, 1.3)]

    def battery(self) -> Group:
        """Replies of one length to prefills of their own, drawn at temperature 1."""
        asked: list[Message] = [{"role": "user", "content": "Tell me about your day."}]
        prefills = [f"My favourite thing number {number} is" for number in range(_BATTERY_ROWS)]
        rows = [Row(tuple(self.organism.chat_ids(asked, prefill=prefill))) for prefill in prefills]
        with self._endless():
            naive, batch, ours = self.measured(
                Contestant(
                    f"Hugging Face, one at a time ({_NAIVE_ROWS} of {_BATTERY_ROWS})",
                    lambda: [replies(self.model, [row], _TOKENS) for row in rows[:_NAIVE_ROWS]],
                    _NAIVE_ROWS * _TOKENS,
                    _BATTERY_ROWS / _NAIVE_ROWS,
                ),
                Contestant("Hugging Face's batch", lambda: replies(self.model, rows, _TOKENS), _BATTERY_ROWS * _TOKENS),
                Contestant(
                    f"prefill battery, {_BATTERY_ROWS} x {_TOKENS}",
                    lambda: self.organism.generate(rows, max_new_tokens=_TOKENS),
                    _BATTERY_ROWS * _TOKENS,
                ),
            )
        return (naive, batch, ours), [
            at_least("battery: speed to one at a time", naive.median / ours.median, 14.0),
            at_least("battery: speed to Hugging Face's batch", batch.median / ours.median, 1.5),
        ]

    @contextlib.contextmanager
    def _endless(self) -> Iterator[None]:
        """Without stop tokens, so that all write as much."""
        engine = self.organism._engine
        stops, engine.stop_ids = engine.stop_ids, frozenset()
        try:
            yield
        finally:
            engine.stop_ids = stops


def main() -> int:
    """Print the table; with ``--check``, 1 when a figure is missed."""
    groups: dict[str, Callable[[Bench], Group]] = {
        "lens": Bench.lens,
        "kept": Bench.kept,
        "attribution": Bench.attribution,
        "grid": Bench.grid,
        "battery": Bench.battery,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=groups, default=list(groups))
    options = parser.parse_args()
    work_as_a_host()
    bench, report = Bench(options.rounds), Report()
    for name in options.only:
        report.add(*groups[name](bench))
    print(", ".join([f"torch {torch.__version__}", *peers("transformers", "nnsight", "transformer_lens")]))
    held = report.print()
    return int(options.check and not held)


if __name__ == "__main__":
    sys.exit(main())
