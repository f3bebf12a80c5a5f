"""What runs may cost in GPU time, and whether that is more than their configs let pass without being asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..config import AgentSection, Experiment
from ..errors import Unconfirmed
from ..organisms.placement import Cost, check_places, place_of


@dataclass(frozen=True, kw_only=True)
class Spending:
    """Of runs that are started together."""

    said: str
    """What they take, in one line."""
    over: str
    """What a start that must be confirmed is more than."""
    little: bool
    """Whether it may start without being confirmed."""


def spending(experiments: Sequence[Experiment]) -> Spending | None:
    """Runs that cost nothing, and those whose model's size is not known, count as nothing; None if all are such.

    Raises:
        BadInput: A model does not fit its GPU, or nothing can be had there before a person has done something.
    """
    check_places(experiments)
    found = [cost for cost in (place_of(one).estimate(one) for one in experiments) if cost is not None]
    if not found:
        return None
    lowest = min(found, key=lambda cost: cost.confirm_above_usd)
    amounts = [cost.most_usd for cost in found]
    return Spending(
        said=_said(found),
        over=f"more than {lowest.confirm_key} (${lowest.confirm_above_usd:.2f})",
        little=None not in amounts and sum(amount or 0.0 for amount in amounts) <= lowest.confirm_above_usd,
    )


def check_little(experiment: Experiment, agent: AgentSection) -> None:
    """Raises Unconfirmed where a run of ``experiment`` by ``agent`` may cost more than is let pass without asking."""
    public = experiment.public.model_copy(update={"agent": agent})
    found = spending([experiment.with_public(public)])
    if found is not None and not found.little:
        raise Unconfirmed(f"{found.said}. That is {found.over}.")


def _said(found: Sequence[Cost]) -> str:
    amounts = [cost.most_usd for cost in found if cost.most_usd is not None]
    endless = len(found) - len(amounts)
    said = found[0].said if len(found) == 1 else f"at most ${sum(amounts):.2f} of GPU time"
    if not endless:
        return said
    return (
        f"{said}, {'without' if len(found) == 1 else f'and {endless} runs without'} a limit (agent.max_minutes is null)"
    )
