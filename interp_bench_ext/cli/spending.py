"""What starting something on Modal may cost: said before it starts, and confirmed where it is much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ..config import Experiment
from ..errors import BadInput
from .screen import console

if TYPE_CHECKING:
    from ..host.modal.estimate import Estimate

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Start whatever it may cost on Modal, without asking.")]


def show_estimate(experiment: Experiment) -> Estimate | None:
    """Print what the organism takes. Raises BadInput where it does not fit its GPU."""
    from ..host.modal.estimate import check_fits

    found = check_fits(experiment)
    unknown = "no estimate: the model's size is not known here"
    console.print(found.described() if found else unknown, style="dim", markup=False, soft_wrap=True)
    return found


def confirm_cost(experiments: Sequence[Experiment], *, yes: bool) -> None:
    """Say what these runs may cost on Modal, and ask where that is more than their configs let pass.

    Runs that are not on Modal, and those whose model's size is not known, count as nothing.

    Raises:
        BadInput: A model does not fit its GPU; nobody can be asked; or the answer was no.
    """
    from ..host.modal.estimate import check_fits

    on_modal = [experiment for experiment in experiments if experiment.public.execution_mode == "modal"]
    found = [estimate for estimate in map(check_fits, on_modal) if estimate is not None]
    if not found:
        return
    limit = min(experiment.sealed.model.modal.confirm_above_usd for experiment in on_modal)
    amounts = [estimate.most_usd for estimate in found]
    little = None not in amounts and sum(amount or 0.0 for amount in amounts) <= limit
    said, over = _said(found), f"more than model.modal.confirm_above_usd (${limit:.2f})"
    if not (yes or little or console.is_terminal):
        raise BadInput(f"{said}: {over}; add --yes, or raise it")
    console.print(said, style="dim", markup=False, soft_wrap=True)
    if not (yes or little or typer.confirm(f"That is {over}. Start?", err=True)):
        raise BadInput("not started")


def _said(found: Sequence[Estimate]) -> str:
    amounts = [estimate.most_usd for estimate in found if estimate.most_usd is not None]
    endless = len(found) - len(amounts)
    said = found[0].described() if len(found) == 1 else f"at most ${sum(amounts):.2f} of GPU time on Modal"
    if not endless:
        return said
    return (
        f"{said}, {'without' if len(found) == 1 else f'and {endless} runs without'} a limit (agent.max_minutes is null)"
    )
