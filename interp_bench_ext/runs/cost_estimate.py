"""What runs on Modal may cost, and whether that is more than their configs let pass without being asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..config import AgentSection, Experiment
from ..errors import Unconfirmed
from ..organisms.places.modal.estimate import Estimate, check_fits


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
    """Runs that are not on Modal, and those whose model's size is not known, count as nothing; None if all are such.

    Raises:
        BadInput: A model does not fit its GPU.
    """
    on_modal = [experiment for experiment in experiments if experiment.public.execution_mode == "modal"]
    found = [estimate for estimate in map(check_fits, on_modal) if estimate is not None]
    if not found:
        return None
    limit = min(experiment.sealed.model.modal.confirm_above_usd for experiment in on_modal)
    amounts = [estimate.most_usd for estimate in found]
    return Spending(
        said=_said(found),
        over=f"more than model.modal.confirm_above_usd (${limit:.2f})",
        little=None not in amounts and sum(amount or 0.0 for amount in amounts) <= limit,
    )


def check_little(experiment: Experiment, agent: AgentSection) -> None:
    """Raises Unconfirmed where a run of ``experiment`` by ``agent`` may cost more than is let pass without asking."""
    public = experiment.public.model_copy(update={"agent": agent})
    found = spending([experiment.with_public(public)])
    if found is not None and not found.little:
        raise Unconfirmed(f"{found.said}. That is {found.over}.")


def _said(found: Sequence[Estimate]) -> str:
    amounts = [estimate.most_usd for estimate in found if estimate.most_usd is not None]
    endless = len(found) - len(amounts)
    said = found[0].described() if len(found) == 1 else f"at most ${sum(amounts):.2f} of GPU time on Modal"
    if not endless:
        return said
    return (
        f"{said}, {'without' if len(found) == 1 else f'and {endless} runs without'} a limit (agent.max_minutes is null)"
    )
