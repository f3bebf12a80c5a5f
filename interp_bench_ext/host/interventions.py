"""What the rows of one pass have done to them and what is kept of it: one set of hooks, values per row in tensors.

Shapes: B rows, T columns of the call, P positions kept.
"""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from interp_bench_ext.contracts import Edit, Row, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.edits import OPERATIONS, Columns, Stage
from interp_bench_ext.host.sites import Sites, Tap

Key = tuple[int, str]
"""Layer and part."""


def _require_editable(site: Site, edit: Edit) -> None:
    """Raises BadInput for a part that is only read, and for what cannot be done to an adapter."""
    if site.part == "pattern":
        raise BadInput("pattern can be read and not edited.")
    if site.part == "adapter" and (edit.op not in ("scale", "project") or edit.positions is not None):
        raise BadInput("adapter can be scaled, or projected to a rank, at all positions, and not else edited.")


class Interventions:
    """The edits of ``rows`` and the sites ``wanted``, of one or several calls of one model.

    ``columns`` is to be set before each call. Raises BadInput for an edit or a site that the model does not have.
    """

    def __init__(
        self, sites: Sites, rows: Sequence[Row], wanted: Sequence[Site] = (), *, gradients: bool = False
    ) -> None:
        self._sites, self._gradients = sites, gradients
        self.columns: Columns = np.zeros((len(rows), 0), dtype=np.int64)
        self._stages: dict[Key, list[Stage]] = {}
        for number, row in enumerate(rows):
            self._take(number, row)
        self._wanted = {site: sites.normal(site) for site in wanted}
        self._kept: dict[Key, list[torch.Tensor]] = {(s.layer, s.part): [] for s in self._wanted.values()}
        self._before: dict[int, torch.Tensor] = {}
        self._strengths: dict[int, torch.Tensor] | None = None
        """``[B]`` of a layer's adapters, where they are fixed."""

    def keep(self, indices: Sequence[int]) -> None:
        """Go on with these of the rows."""
        for stage in (stage for stages in self._stages.values() for stage in stages):
            pairs = [(new, stage.entries[old]) for new, old in enumerate(indices) if old in stage.entries]
            stage.entries = {new: replace(entry, row=new) for new, entry in pairs}

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._stages and not self._kept and not self._gradients

    @property
    def fixable(self) -> bool:
        """Whether the edits are numbers alone, and nothing is read."""
        ranked = (stage for (_, part), stages in self._stages.items() if part == "adapter" for stage in stages)
        return not self._kept and not self._gradients and all(stage.op == "scale" for stage in ranked)

    @property
    def signature(self) -> Hashable:
        """The same for edits that differ in nothing but numbers, and in which rows have them."""
        return tuple((key, stage.op, stage.head, stage.room) for key, stage in self._ordered())

    def _ordered(self) -> list[tuple[Key, Stage]]:
        return [(key, stage) for key in sorted(self._stages) for stage in self._stages[key]]

    def fixed(self, rows: int, steps: int, step: torch.Tensor) -> Interventions:
        """One that does what :meth:`become` says, for so many rows and steps; ``step`` ``[1]`` is where they are."""
        assert self.fixable
        own = copy.copy(self)
        own._stages = {
            key: [stage.fixed(rows, steps, step) for stage in stages] for key, stages in self._stages.items()
        }
        own._before = {}
        own.columns = np.zeros((rows, 1), dtype=np.int64)
        own._strengths = {
            layer: torch.ones(rows, device=step.device) for layer, part in self._stages if part == "adapter"
        }
        return own

    def become(self, other: Interventions, seen: Columns, steps: int) -> None:
        """Do in so many steps after ``seen`` ``[rows]`` tokens what the other, of the same signature, would."""
        assert self._strengths is not None
        columns = seen[:, None] + np.arange(steps)
        for ((_, part), mine), (_, its) in zip(self._ordered(), other._ordered(), strict=True):
            if part != "adapter":
                mine.become(its, columns)
        for layer, (strength, _) in other._scales(len(seen)).items():
            self._strengths[layer][: len(seen)] = strength.to(self._strengths[layer].device)

    def _take(self, number: int, row: Row) -> None:
        used: dict[Key, int] = {}
        for edit in row.edits:
            site = self._sites.normal(edit.site)
            if edit.op not in OPERATIONS:
                raise BadInput(f"There is no edit {edit.op!r}: choose {', '.join(OPERATIONS)}.")
            _require_editable(site, edit)
            key = (site.layer, site.part)
            stages = self._stages.setdefault(key, [])
            at = next(
                (
                    n
                    for n, stage in enumerate(stages)
                    if n >= used.get(key, 0) and (stage.op, stage.head) == (edit.op, site.head)
                ),
                len(stages),
            )
            if at == len(stages):
                stages.append(Stage(edit.op, site.head))
            stages[at].add(number, edit, self._sites.shape(site), len(row.ids))
            used[key] = at + 1

    @contextlib.contextmanager
    def during(self) -> Iterator[None]:
        """Hooks for the calls inside."""
        handles: list[Any] = []
        try:
            if self._gradients:  # before the hook that keeps what the embedding gave
                embedding = self._sites.taps[0, "embed"].module
                handles.append(embedding.register_forward_hook(lambda _m, _a, out: out.detach().requires_grad_()))
            for (module, side), keys in self._places().items():
                if side == "in":
                    handles.append(module.register_forward_pre_hook(self._given(keys), with_kwargs=True))
                else:
                    handles.append(module.register_forward_hook(self._gave(keys)))
            handles += [
                self._sites.patterns[layer].register_forward_hook(self._attended((layer, part)))
                for layer, part in self._kept
                if part == "pattern"
            ]
            with self._adapters_scaled():
                yield
        finally:
            for handle in handles:
                handle.remove()
            self._before.clear()

    def _places(self) -> dict[tuple[nn.Module, str], list[Key]]:
        """What is done at a module's input or output, in this order."""
        places: dict[tuple[nn.Module, str], list[Key]] = {}

        def at(tap: Tap, key: Key) -> None:
            keys = places.setdefault((tap.module, tap.side), [])
            if key not in keys:
                keys.append(key)

        for layer, part in dict.fromkeys([*self._stages, *self._kept]):
            if part not in ("pattern", "adapter", "resid_mid"):
                at(self._sites.tap(layer, part), (layer, part))  # type: ignore[arg-type]
        for layer, part in self._stages:
            if part == "resid_mid":
                at(self._sites.taps[layer, "resid_pre"], (layer, "resid_pre"))
                at(self._sites.middles[layer].added, (layer, "resid_mid added"))
        for layer, part in self._kept:
            if part == "resid_mid":
                at(self._sites.middles[layer].given, (layer, "resid_mid"))
        return places

    def _given(self, keys: list[Key]) -> Callable[..., Any]:
        def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args and isinstance(args[0], torch.Tensor):
                return (self._through(args[0], keys), *args[1:]), kwargs
            name = next(name for name, value in kwargs.items() if isinstance(value, torch.Tensor))
            return args, {**kwargs, name: self._through(kwargs[name], keys)}

        return hook

    def _gave(self, keys: list[Key]) -> Callable[..., Any]:
        def hook(_module: nn.Module, _args: Any, out: Any) -> Any:
            if isinstance(out, tuple):
                return (self._through(out[0], keys), *out[1:])
            return self._through(out, keys)

        return hook

    def _attended(self, key: Key) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any, out: Any) -> None:
            if not isinstance(out, tuple) or len(out) < 2 or not isinstance(out[1], torch.Tensor):
                raise BadInput("This architecture does not give its attention patterns.")
            self._kept[key].append(out[1].transpose(1, 2))  # [B, T, heads, all columns]

        return hook

    def _through(self, found: torch.Tensor, keys: list[Key]) -> torch.Tensor:
        for layer, part in keys:
            if part == "resid_mid added":
                found = self._middle(found, layer)
                continue
            for stage in self._stages.get((layer, part), ()) if part != "resid_mid" else ():
                found = self._staged(found, stage, self._sites.taps[layer, part])  # type: ignore[index]
            if part == "resid_pre" and (layer, "resid_mid") in self._stages:
                self._before[layer] = found
            if (layer, part) in self._kept:
                self._kept[layer, part].append(found)
        return found

    def _staged(self, found: torch.Tensor, stage: Stage, tap: Tap) -> torch.Tensor:
        if tap.layout is None:
            return self._applied(stage, found)
        heads = tap.layout.get(found)
        if stage.head is None:
            changed = self._applied(stage, heads)
        else:
            one = self._applied(stage, heads[..., stage.head, :])
            changed = torch.cat([heads[..., : stage.head, :], one[..., None, :], heads[..., stage.head + 1 :, :]], -2)
        return tap.layout.put(found, changed)

    def _applied(self, stage: Stage, found: torch.Tensor) -> torch.Tensor:
        """Inside a block there may be fewer rows than there are: the first ones."""
        return stage.applied(found, self.columns[: len(found)])

    def _middle(self, added: torch.Tensor, layer: int) -> torch.Tensor:
        """What attention adds, such that the stream behind it is the edited one; unedited places stay as they are."""
        scale, before = self._sites.middles[layer].scale, self._before[layer][: len(added)].to(added.device)
        middle = before + scale * added
        edited = middle
        for stage in self._stages[layer, "resid_mid"]:
            edited = self._applied(stage, edited)
        wanted = ((edited.float() - before.float()) / scale).to(added.dtype)
        return torch.where((edited != middle).any(-1, keepdim=True), wanted, added)

    @contextlib.contextmanager
    def _adapters_scaled(self) -> Iterator[None]:
        if self._strengths is None:
            scales = self._scales(len(self.columns))
        else:
            scales = {layer: (strength, None) for layer, strength in self._strengths.items()}
        try:
            for layer, (strength, ranks) in scales.items():
                for module in self._sites.adapters[layer]:
                    module.strength, module.ranks = strength, ranks
            yield
        finally:
            for layer in scales:
                for module in self._sites.adapters[layer]:
                    module.strength = module.ranks = None

    def _scales(self, rows: int) -> dict[int, tuple[torch.Tensor, tuple[int, ...] | None]]:
        """By layer the strengths ``[B]`` of its adapters, and to how many directions each row's are cut."""
        scales: dict[int, tuple[torch.Tensor, tuple[int, ...] | None]] = {}
        for (layer, part), stages in self._stages.items():
            if part != "adapter":
                continue
            strength, ranks = torch.ones(rows), [sys.maxsize] * rows
            for stage in stages:
                for row, entry in stage.entries.items():
                    value = float(torch.cat(stage.values)[entry.first])
                    if stage.op == "scale":
                        strength[row] *= value
                    else:
                        ranks[row] = min(ranks[row], int(value))
            scales[layer] = strength, None if min(ranks) == sys.maxsize else tuple(ranks)
        return scales

    def sources(self) -> dict[Key, torch.Tensor]:
        """What was kept, as it is in the pass: ``[B, T, size]``."""
        return {key: kept[0] if len(kept) == 1 else torch.cat(kept, 1) for key, kept in self._kept.items()}

    def views(self, sources: dict[Key, torch.Tensor]) -> dict[Site, torch.Tensor]:
        """``[B, T, *the site's shape]`` of each site that was asked for."""
        views: dict[Site, torch.Tensor] = {}
        for asked, site in self._wanted.items():
            found = sources[site.layer, site.part]
            if site.part != "pattern" and (layout := self._sites.tap(site.layer, site.part).layout):
                found = layout.get(found)
            views[asked] = found if site.head is None else found[..., site.head, :]
        return views
