"""What starting something may cost in GPU time: said before it starts, and confirmed where it is much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ..config import Experiment
from ..errors import BadInput
from .screen import console

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Start whatever it may cost, without asking.")]


def show_estimate(experiment: Experiment) -> None:
    """Print what the organism takes. Raises BadInput where it does not fit its GPU."""
    from ..organisms.placement import place_of

    found = place_of(experiment).estimate(experiment)
    unknown = "no estimate: the model's size is not known here"
    console.print(found.said if found else unknown, style="dim", markup=False, soft_wrap=True)


def confirm_cost(experiments: Sequence[Experiment], *, yes: bool) -> None:
    """Say what these runs may cost, and ask where that is more than their configs let pass.

    Raises:
        BadInput: A model does not fit its GPU; nobody can be asked; or the answer was no.
    """
    from ..runs.cost_estimate import spending

    found = spending(experiments)
    if found is None:
        return
    if not (yes or found.little or console.is_terminal):
        raise BadInput(f"{found.said}: {found.over}; add --yes, or raise it")
    console.print(found.said, style="dim", markup=False, soft_wrap=True)
    if not (yes or found.little or typer.confirm(f"That is {found.over}. Start?", err=True)):
        raise BadInput("not started")
