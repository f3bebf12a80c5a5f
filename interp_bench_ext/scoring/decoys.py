"""The truths of other organisms: what a claim must be told apart from."""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Iterator, Sequence

from ..errors import ConfigError
from ..installed import config_folders
from .ground_truth import GroundTruth, load_ground_truth
from .words import names


@functools.cache
def installed_truths() -> tuple[GroundTruth, ...]:
    """The secrets of all installed organisms; a file that cannot be used is left out."""
    return tuple(truth for truth in _readable() if truth.secret is not None)


def _readable() -> Iterator[GroundTruth]:
    for folder in config_folders():
        for file in sorted((folder / "ground_truth").glob("*.yaml")):
            with contextlib.suppress(ConfigError):
                yield load_ground_truth(file)


def others(truth: GroundTruth, *, among: Sequence[GroundTruth]) -> list[GroundTruth]:
    """Those of ``among`` that are about something else than ``truth`` and than each other."""
    apart: list[GroundTruth] = []
    known = _aliases(truth)
    for other in among:
        if known.isdisjoint(_aliases(other)) and not _alike(other, truth):
            apart.append(other)
            known |= _aliases(other)
    return apart


def drawn(truth: GroundTruth, n: int, *, among: Sequence[GroundTruth], seed: object) -> list[str]:
    """``n`` secrets beside that of ``truth``, in an order that ``seed`` decides; fewer where there are not so many."""
    secrets = [other.secret for other in others(truth, among=among) if other.secret is not None]
    return random.Random(repr(seed)).sample(secrets, min(n, len(secrets)))


def _aliases(truth: GroundTruth) -> set[str]:
    return {alias.casefold() for alias in truth.aliases}


def _alike(one: GroundTruth, other: GroundTruth) -> bool:
    return any(
        first.secret is not None and names(first.secret, second.aliases) is not None
        for first, second in ((one, other), (other, one))
    )
