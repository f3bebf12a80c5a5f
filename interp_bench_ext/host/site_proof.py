"""Prove what the search found: queries, keys, values and heads by what they reach, and every site by edits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from interp_bench_ext.contracts import Edit, Part, Row, Site
from interp_bench_ext.host.interventions import Interventions
from interp_bench_ext.host.parts import Parts
from interp_bench_ext.host.site_search import same, search
from interp_bench_ext.host.sites import Sites

_PROJECTIONS: tuple[Part, ...] = ("q", "k", "v")


@torch.no_grad()
def proved_sites(model: Any, parts: Parts, ids: torch.Tensor) -> Sites:
    """The sites of a model, by short passes over ``[1, T]`` ids. What cannot be proved is left out."""
    found = search(model, parts, ids)
    sites = found.sites
    proof = _Proof(model, sites, ids)
    for key in proof.wrong([layer for layer in range(sites.n_layers) if (layer, "q") in sites.taps], strict=False):
        sites.taps.pop(key, None)
    for guess in found.guesses:
        left = sorted({layer for layer, part in guess if (layer, part) not in sites.taps})
        sites.taps.update({key: tap for key, tap in guess.items() if key[0] in left})
        wrong = {layer for layer, _ in proof.wrong(left, strict=True)}
        for layer, part in [key for key in guess if key[0] in wrong]:
            sites.taps.pop((layer, part), None)
    if not proof.edits_that_do_nothing_change_nothing():
        _keep_the_stream(sites)
    return sites


def _keep_the_stream(sites: Sites) -> None:
    sites.middles.clear()
    sites.patterns.clear()
    for key in [key for key in sites.taps if key[1] not in ("embed", "resid_pre", "resid_post")]:
        del sites.taps[key]


class _Proof:
    def __init__(self, model: Any, sites: Sites, ids: torch.Tensor) -> None:
        self._model, self._sites, self._ids = model, sites, ids
        self._row = tuple(ids[0].tolist())

    def _run(self, rows: list[Row], wanted: list[Site]) -> tuple[dict[Site, torch.Tensor], torch.Tensor]:
        hooks = Interventions(self._sites, rows, wanted)
        hooks.columns = np.tile(np.arange(len(self._row)), (len(rows), 1))
        with hooks.during():
            given = self._ids.expand(len(rows), -1)
            logits: torch.Tensor = self._model(input_ids=given, use_cache=False, return_dict=True).logits
        return hooks.views(hooks.sources()), logits

    def wrong(self, layers: list[int], *, strict: bool) -> list[tuple[int, Part]]:
        """Those of q, k and v in ``layers`` that are not what they are called; layers of one shape are tried once.

        Without its query, key or value a head has another result (without its value, none), and all others have theirs:
        unless a norm goes over the queries of all heads, which is not minded where their projection is known by name.
        """
        kinds: dict[Any, list[int]] = {}
        for layer in layers:
            shapes = [
                self._sites.taps[layer, part].layout for part in _PROJECTIONS if (layer, part) in self._sites.taps
            ]
            kinds.setdefault((type(self._sites.patterns.get(layer)), *shapes), []).append(layer)
        wrong: list[tuple[int, Part]] = []
        for alike in kinds.values():
            tried = [part for part in _PROJECTIONS if (alike[0], part) in self._sites.taps]
            failed = [part for part in tried if not self._is_so(alike[0], part, strict=strict or part == "v")]
            wrong += [(layer, part) for layer in alike for part in failed]
        return wrong

    def _is_so(self, layer: int, part: Part, *, strict: bool) -> bool:
        """Whether a ``part`` of 0 for the second of its heads changes the results of its heads and no others."""
        sites = self._sites
        if (layer, "head") not in sites.taps:
            return False
        heads, own = sites.shape(Site(layer, "head"))[0], sites.shape(Site(layer, part))[0]
        if heads % own:
            return False
        share = heads // own
        head = min(1, own - 1)
        rows = [Row(self._row), Row(self._row, edits=(Edit(Site(layer, part, head), None, "set", 0.0),))]
        read = Site(layer, "head")
        results = self._run(rows, [read])[0][read]
        plain, changed = results[0], results[1]
        reached = [not same(changed[:, at], plain[:, at]) for at in range(heads)]
        expected = [at // share == head for at in range(heads)]
        silent = part != "v" or not changed[:, head * share : (head + 1) * share].any()
        right = reached == expected if strict else all(reached[at] for at in range(heads) if expected[at])
        return right and silent

    def edits_that_do_nothing_change_nothing(self) -> bool:
        """Whether adding 0 everywhere is exact, and setting each site to its own value is but rounding."""
        keys: list[tuple[int, Part]] = [*self._sites.taps, *((layer, "resid_mid") for layer in self._sites.middles)]
        wanted = [Site(layer, part) for layer, part in keys]
        values, plain = self._run([Row(self._row)], wanted)
        positions = range(len(self._row))
        nothing = Row(self._row, edits=tuple(Edit(site, None, "add", 0.0) for site in wanted))
        own = Row(self._row, edits=tuple(Edit(site, positions, "set", values[site][0]) for site in wanted))
        _, empty = self._run([nothing], [])
        _, kept = self._run([own], [])
        # So many roundings, one after another, add up.
        return bool(torch.equal(empty, plain)) and bool((kept - plain).abs().max() <= 0.05 * plain.float().std())
