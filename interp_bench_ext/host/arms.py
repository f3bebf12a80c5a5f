"""A model that rows can be for: its parts, its sites, and how it is called."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.parts import Parts, find_parts
from interp_bench_ext.host.site_proof import proved_sites
from interp_bench_ext.host.sites import Sites

CACHES = ("cache", "past_key_values", "cache_params")
"""What models call the argument that a cache is."""


class Batching(StrEnum):
    """How rows share a pass, the fastest first. The self-check takes the first way that leaves a row as it is alone."""

    PADDED = "padded"
    EQUAL = "equal lengths"
    """Only rows of one length behind the same prefix: what counts columns, or keeps a state of all it has read."""
    ALONE = "one by one"


@dataclass(frozen=True)
class Arm:
    """A model and how it is called."""

    model: Any
    parts: Parts
    takes: frozenset[str]
    """Names of the arguments of its forward pass."""
    cache: type[Any]
    """Of the cache that it makes for itself."""
    sites: Sites

    @classmethod
    def of(cls, model: Any, ids: torch.Tensor) -> Arm:
        """Finds what there is to know by passes over a short text, ``[1, T]``.

        Raises BadInput for a model that cannot be read.
        """
        parts, takes = find_parts(model), frozenset(inspect.signature(model.forward).parameters)
        out = model(input_ids=ids[:, :1], use_cache=True, return_dict=True)
        cache = next((out[name] for name in CACHES if name in out and hasattr(out[name], "layers")), None)
        if cache is None:
            raise BadInput(
                "model.name: this architecture is not one that can be run here: it keeps what it has read inside its "
                "layers and gives no cache that a prompt's continuations could share."
            )
        return cls(model, parts, takes, type(cache), proved_sites(model, parts, ids))
