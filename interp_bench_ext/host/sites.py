"""Every place in a model that can be read and edited, by one set of names for all architectures."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn

from interp_bench_ext.contracts import Part, Site
from interp_bench_ext.errors import BadInput

PARTS: tuple[Part, ...] = typing.get_args(Part)


@dataclass(frozen=True)
class Layout:
    """Where vectors of heads lie in the last dimension of a projection.

    ``[start:stop]`` of it is ``groups`` times ``per`` vectors, and the heads are ``[first:last]`` of each group.
    """

    start: int
    stop: int
    groups: int
    per: int
    first: int
    last: int

    @classmethod
    def plain(cls, start: int, stop: int, heads: int) -> Layout:
        """All of ``[start:stop]``, one vector after another."""
        return cls(start, stop, heads, 1, 0, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Heads, and the width of one."""
        return self.groups * (self.last - self.first), (self.stop - self.start) // (self.groups * self.per)

    def get(self, tensor: torch.Tensor) -> torch.Tensor:
        """``[..., heads, width]`` of ``[..., size]``."""
        return self._of(tensor).flatten(-3, -2)

    def put(self, tensor: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """A copy of ``[..., size]`` with other ``[..., heads, width]`` in it."""
        changed = tensor.clone()
        own = self._of(changed)
        own.copy_(value.reshape(own.shape))
        return changed

    def _of(self, tensor: torch.Tensor) -> torch.Tensor:
        part = tensor[..., self.start : self.stop]
        vectors = part.view(*part.shape[:-1], self.groups, self.per, -1)
        return vectors[..., self.first : self.last, :]


@dataclass(frozen=True)
class Tap:
    """What a module is given, or gives: a tensor ``[B, T, size]``."""

    module: nn.Module
    side: Literal["in", "out"]
    size: int
    layout: Layout | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layout.shape if self.layout else (self.size,)


@dataclass(frozen=True)
class Middle:
    """The stream between attention and MLP: ``resid_pre + scale * attn_out``, which a later module is given."""

    added: Tap
    scale: float
    given: Tap


@dataclass
class Sites:
    """The sites of one model. ``adapters`` are the modules of each layer that hold an adapter's weights."""

    n_layers: int
    taps: dict[tuple[int, Part], Tap] = field(default_factory=dict)
    middles: dict[int, Middle] = field(default_factory=dict)
    patterns: dict[int, nn.Module] = field(default_factory=dict)
    """The modules whose second result is the attention pattern."""
    n_heads: int = 0
    adapters: dict[int, list[Any]] = field(default_factory=dict)

    def normal(self, site: Site) -> Site:
        """The site with layer and head counted from the front. Raises BadInput where there is none."""
        if site.part not in PARTS:
            raise BadInput(f"There is no site called {site.part!r}: choose {', '.join(PARTS)}.")
        if not -self.n_layers <= site.layer < self.n_layers:
            raise BadInput(f"There is no layer {site.layer}: layers go from 0 to {self.n_layers - 1}.")
        layer = site.layer % self.n_layers
        if not self._has(layer, site.part):
            elsewhere = any(self._has(other, site.part) for other in range(self.n_layers))
            raise BadInput(
                f"Layer {layer} of this architecture has no {site.part}."
                if elsewhere
                else f"This architecture has no {site.part}."
            )
        return Site(layer, site.part, self._head(site, layer))

    def _head(self, site: Site, layer: int) -> int | None:
        if site.head is None:
            return None
        shape = self._shape(layer, site.part)
        heads = shape[0] if len(shape) > 1 else 0
        if not heads:
            raise BadInput(f"{site.part} has no heads: leave the head out.")
        if not -heads <= site.head < heads:
            raise BadInput(f"{site.part} has no head {site.head}: its heads go from 0 to {heads - 1}.")
        return site.head % heads

    def _has(self, layer: int, part: Part) -> bool:
        if part == "resid_mid":
            return layer in self.middles
        if part == "pattern":
            return layer in self.patterns
        if part == "adapter":
            return bool(self.adapters.get(layer))
        return (layer, part) in self.taps

    def shape(self, site: Site) -> tuple[int, ...]:
        """Of a value at one position; of a pattern, the heads. Raises BadInput."""
        found = self.normal(site)
        shape = self._shape(found.layer, found.part)
        return shape if found.head is None else shape[1:]

    def _shape(self, layer: int, part: Part) -> tuple[int, ...]:
        if part == "pattern":
            return (self.n_heads, 0)
        if part == "adapter":
            return ()
        return self.tap(layer, part).shape

    def tap(self, layer: int, part: Part) -> Tap:
        """Where a site is read."""
        return self.middles[layer].given if part == "resid_mid" else self.taps[layer, part]
