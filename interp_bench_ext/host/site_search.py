"""Find a model's sites by what its modules compute in one short pass, not by what an architecture calls them.

A module is the attention's output if the stream before the block plus its result is the stream that a later module is
given, and so on: each site is proved by its value where it is found.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from interp_bench_ext.contracts import Part
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.adapter_rows import is_adapter_layer
from interp_bench_ext.host.parts import Parts
from interp_bench_ext.host.sites import Layout, Middle, Sites, Tap

_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
_NORM = re.compile(r"norm|^ln_", re.IGNORECASE)
_SEPARATE = (("q_proj", "k_proj", "v_proj"), ("query", "key", "value"), ("q", "k", "v"), ("q_lin", "k_lin", "v_lin"))
_ULPS = 16
"""Rounding errors, of the largest entry, by which a sum that a block computes may differ from the same sum here."""


@dataclass(frozen=True)
class Pass:
    """One pass of one module."""

    name: str
    module: nn.Module
    given: torch.Tensor
    out: torch.Tensor


Guess = dict[tuple[int, Part], Tap]


@dataclass
class Found:
    """The sites that are proved by their values, and guesses at where one projection holds q, k and v."""

    sites: Sites
    guesses: list[Guess]


@torch.no_grad()
def search(model: Any, parts: Parts, ids: torch.Tensor) -> Found:
    """Look at a pass over ``[1, T]`` ids."""
    blocks, width = parts.blocks, int(parts.config.hidden_size)
    found = Found(Sites(len(blocks), n_heads=parts.n_heads), [])
    sites = found.sites
    sites.taps[0, "embed"] = Tap(model.get_input_embeddings(), "out", width)
    scales = tuple(dict.fromkeys((1.0, float(getattr(parts.config, "residual_multiplier", None) or 1.0))))

    def look(layer: int, passes: Sequence[Pass]) -> None:
        *inner, whole = passes
        if not whole.given.shape == whole.out.shape == (*ids.shape, width):
            raise BadInput(
                "model.name: this architecture is not one that can be read: its blocks pass on something else than one "
                "residual stream."
            )
        often = Counter(one.module for one in inner)
        once = [one for one in inner if often[one.module] == 1]
        _Block(found, layer, whole, once, scales, parts.n_key_value_heads).find()

    for layer, block in enumerate(blocks):
        sites.taps[layer, "resid_pre"] = Tap(block, "in", width)
        sites.taps[layer, "resid_post"] = Tap(block, "out", width)
        sites.adapters[layer] = [module for _, module in _walk(block) if is_adapter_layer(module)]
    with _looking(blocks, look, ids.device):
        model(input_ids=ids, use_cache=False, return_dict=True)
    return found


@contextlib.contextmanager
def _looking(
    blocks: Sequence[nn.Module], look: Callable[[int, Sequence[Pass]], None], device: torch.device
) -> Iterator[None]:
    """Call ``look`` with the passes of each block's modules, in the order in which they ended, as the block ends."""
    passes: list[Pass] = []
    handles: list[Any] = []

    def hook(layer: int, name: str) -> Callable[..., None]:
        def ended(module: nn.Module, args: Any, kwargs: dict[str, Any], out: Any) -> None:
            given = next((each for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor)), None)
            out = out[0] if isinstance(out, tuple) and out else out
            if isinstance(given, torch.Tensor) and isinstance(out, torch.Tensor):
                passes.append(Pass(name, module, given.clone().to(device), out.clone().to(device)))
            if not name:
                if passes and passes[-1].module is module:
                    look(layer, passes)
                passes.clear()

        return ended

    for layer, block in enumerate(blocks):
        for name, module in _walk(block):
            handles.append(module.register_forward_hook(hook(layer, name), with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _walk(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The module and those in it, but for what lies inside an adapter's layers."""
    yield name, module
    if not is_adapter_layer(module):
        for child, inner in module.named_children():
            yield from _walk(inner, f"{name}.{child}" if name else child)


def same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether two tensors differ by rounding only."""
    if found.shape != expected.shape or found.device != expected.device:
        return False
    allowed = _ULPS * torch.finfo(expected.dtype).eps * float(expected.abs().max())
    return float((found - expected).abs().max()) <= allowed


def _is_linear(module: nn.Module) -> bool:
    """Whether it multiplies by a matrix: Linear, Conv1D, their quantized kin, and such a layer under an adapter."""
    weight = getattr(getattr(module, "base_layer", module), "weight", None)
    return weight is not None and weight.dim() == 2


class _Block:
    def __init__(
        self,
        found: Found,
        layer: int,
        whole: Pass,
        inner: Sequence[Pass],
        scales: tuple[float, ...],
        kv_heads: int,
    ) -> None:
        self.found, self.sites, self.layer, self.inner = found, found.sites, layer, inner
        self.before, self.after = whole.given, whole.out
        self.scales, self.kv_heads = scales, kv_heads
        children = dict(whole.module.named_children())
        named = [name for name in children if _ATTENTION.search(name) and not _NORM.search(name)]
        self.attention = next((name for name in named if any(children[name].children())), None)

    def find(self) -> None:
        """Put what is found into the sites."""
        if self.attention is None:
            return
        own = [each for each in self.inner if self._inside(each)]
        if not own or own[-1].name != self.attention:
            return
        self._heads(own)
        adds = [each for each in own if self._is_stream(each.out)]
        adds += [each for each in self.inner if self._follows(each, own[-1])]
        self._one_after_the_other(adds) or self._side_by_side(adds) or self._alone(adds)

    def _inside(self, one: Pass) -> bool:
        return one.name == self.attention or one.name.startswith(f"{self.attention}.")

    def _is_stream(self, tensor: torch.Tensor) -> bool:
        return tensor.shape == self.before.shape

    def _follows(self, one: Pass, attention: Pass) -> bool:
        """Whether it is a norm behind the attention."""
        return "." not in one.name and self._is_stream(one.out) and same(one.given, attention.out)

    def _one_after_the_other(self, adds: Sequence[Pass]) -> bool:
        for added in reversed(adds):
            start = self.inner.index(added) + 1
            for scale in self.scales:
                middle = self.before + scale * added.out
                later = [one for one in self.inner[start:] if self._is_stream(one.given) and not self._inside(one)]
                given = next((one for one in later if same(one.given, middle)), None)
                if given is None:
                    continue
                width = middle.shape[-1]
                tap = Tap(added.module, "out", width)
                self.sites.taps[self.layer, "attn_out"] = tap
                self.sites.middles[self.layer] = Middle(tap, scale, Tap(given.module, "in", width))
                self._mlp(given.given, self.inner[start:], scale)
                return True
        return False

    def _mlp(self, middle: torch.Tensor, later: Sequence[Pass], scale: float) -> None:
        for number, one in reversed(list(enumerate(later))):
            if not self._is_stream(one.out):
                continue
            total = middle + scale * one.out
            after = [self.after, *(each.given for each in later[number + 1 :] if self._is_stream(each.given))]
            if any(same(each, total) for each in after):
                self.sites.taps[self.layer, "mlp_out"] = Tap(one.module, "out", total.shape[-1])
                return

    def _side_by_side(self, adds: Sequence[Pass]) -> bool:
        others = [one for one in self.inner if self._is_stream(one.out) and not self._inside(one)]
        for added in reversed(adds):
            for other in reversed(others):
                for scale in self.scales:
                    if same(self.before + scale * added.out + scale * other.out, self.after):
                        width = self.after.shape[-1]
                        self.sites.taps[self.layer, "attn_out"] = Tap(added.module, "out", width)
                        self.sites.taps[self.layer, "mlp_out"] = Tap(other.module, "out", width)
                        return True
        return False

    def _alone(self, adds: Sequence[Pass]) -> bool:
        for added in reversed(adds):
            if any(same(self.before + scale * added.out, self.after) for scale in self.scales):
                self.sites.taps[self.layer, "attn_out"] = Tap(added.module, "out", self.after.shape[-1])
                return True
        return False

    def _heads(self, own: Sequence[Pass]) -> None:
        """The output projection's input, and the projections to q, k and v."""
        heads, whole = self.sites.n_heads, own[-1]
        linear = [one for one in own[:-1] if _is_linear(one.module)]
        results = [whole.out, *([whole.out - self.before] if self._is_stream(whole.out) else [])]  # some add the stream
        last = next((one for one in reversed(linear) if any(same(one.out, each) for each in results)), None)
        if last is None or not heads or last.given.dim() != 3 or last.given.shape[-1] % heads:
            return
        size = last.given.shape[-1]
        self.sites.taps[self.layer, "head"] = Tap(last.module, "in", size, Layout.plain(0, size, heads))
        self.sites.patterns[self.layer] = whole.module
        by_name = {one.name.rpartition(".")[2]: one for one in linear}
        names = next((names for names in _SEPARATE if names[0] in by_name), None)
        if names:
            self._separate([by_name.get(name) for name in names], heads)
            return
        whole_size = next((one for one in linear if one is not last and self._is_stream(one.given)), None)
        if whole_size is not None:
            self._guess(whole_size, heads, size // heads)

    def _guess(self, one: Pass, heads: int, width: int) -> None:
        """All ways in which one projection may hold q, k and v of heads so wide."""
        size = one.out.shape[-1]
        ways = [
            layouts
            for kv_heads in dict.fromkeys((self.kv_heads, heads, 1))
            for layouts in fused(heads, kv_heads, width)
            if size == (heads + 2 * kv_heads) * width
        ]
        for number, layouts in enumerate(ways):
            if number == len(self.found.guesses):
                self.found.guesses.append({})
            for part, layout in layouts.items():
                self.found.guesses[number][self.layer, part] = Tap(one.module, "out", size, layout)

    def _separate(self, projections: Sequence[Pass | None], heads: int) -> None:
        query, key, value = projections
        assert query is not None
        size = query.out.shape[-1]
        attention = next(one.module for one in self.inner if one.name == self.attention)
        width = int(getattr(attention, "head_dim", 0) or size // heads)
        gated = size == 2 * heads * width  # a gate for each head beside its query
        layout = Layout(0, size, heads, 2, 0, 1) if gated else Layout.plain(0, size, heads)
        self.sites.taps[self.layer, "q"] = Tap(query.module, "out", size, layout)
        pairs: tuple[tuple[Part, Pass | None], ...] = (("k", key), ("v", value))
        for part, one in pairs:
            if one is not None and one.out.shape[-1] % width == 0:
                size = one.out.shape[-1]
                self.sites.taps[self.layer, part] = Tap(one.module, "out", size, Layout.plain(0, size, size // width))


def fused(heads: int, kv_heads: int, width: int) -> Iterator[dict[Part, Layout]]:
    """How one projection may hold them: one kind after the other, or each key with its queries and its value."""
    q, k, size = heads * width, (heads + kv_heads) * width, (heads + 2 * kv_heads) * width
    yield {
        "q": Layout.plain(0, q, heads),
        "k": Layout.plain(q, k, kv_heads),
        "v": Layout.plain(k, size, kv_heads),
    }
    share = heads // kv_heads
    yield {
        "q": Layout(0, size, kv_heads, share + 2, 0, share),
        "k": Layout(0, size, kv_heads, share + 2, share, share + 1),
        "v": Layout(0, size, kv_heads, share + 2, share + 1, share + 2),
    }
