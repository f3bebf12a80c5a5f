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
    most = sum(amount for amount in amounts if amount is not None)
    endless = len([amount for amount in amounts if amount is None])
    said = f"at most ${most:.2f} of GPU time on Modal"
    if endless:
        said += f", and {endless} without a limit, since agent.max_minutes is not set"
    if len(on_modal) == 1:
        said = f"{found[0].described()}: {said}"
    console.print(said, style="dim", markup=False, soft_wrap=True)
    if yes or (most <= limit and not endless):
        return
    question = f"That is more than model.modal.confirm_above_usd (${limit:.2f}). Start?"
    if not console.is_terminal:
        raise BadInput(f"{said}, more than model.modal.confirm_above_usd (${limit:.2f}); add --yes, or raise it")
    if not typer.confirm(question, err=True):
        raise BadInput("not started")
