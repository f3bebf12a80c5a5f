"""Commands over an organism's app on Modal: deploy it ahead of a run, ask how it stands, take it away."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from ..config import Experiment, load_config
from ..installed import find_config
from ..organisms.placement import place_of
from ..organisms.places.modal.place import require_modal
from .confirm_cost import show_estimate
from .investigate import ConfigArgument
from .options import JsonOption, interruptible
from .screen import Watch, console, output, print_json

if TYPE_CHECKING:
    from ..host.spec import OrganismSpec
    from ..organisms.places.modal.deployment import Deployment, Status


def deploy(config: ConfigArgument, json: JsonOption = False) -> None:
    """Build the organism's image, pull its weights and deploy its app; no GPU runs until something calls it."""
    experiment = load_config(find_config(config))
    spec = require_modal(experiment)
    show_estimate(experiment)

    async def main() -> Status:
        deployment = await _deployment(spec)
        with Watch(quiet=json) as watch:
            await deployment.ensure(watch.loading)
        return await deployment.status()

    _print(experiment, interruptible(main()), json=json)


def undeploy(config: ConfigArgument, json: JsonOption = False) -> None:
    """Stop the organism's app and its containers; the weights stay in the volume for the next time."""
    spec = require_modal(load_config(find_config(config)))

    async def main() -> tuple[str, bool]:
        deployment = await _deployment(spec)
        return deployment.parcel.app, await deployment.undeploy()

    app, stopped = interruptible(main())
    if json:
        print_json({"app": app, "stopped": stopped})
    else:
        console.print(f"{app}: {'stopped' if stopped else 'it was not deployed'}")


def status(config: ConfigArgument, json: JsonOption = False) -> None:
    """Say whether the organism is deployed, how many containers run, and what they cost."""
    experiment = load_config(find_config(config))
    spec = require_modal(experiment)

    async def main() -> Status:
        return await (await _deployment(spec)).status()

    _print(experiment, interruptible(main()), json=json)


async def _deployment(spec: OrganismSpec) -> Deployment:
    # Not at the top: without Modal's client the import fails, and require_modal has said so before.
    from ..organisms.places.modal.deployment import Deployment

    return await Deployment.of(spec)


def _print(experiment: Experiment, status: Status, *, json: bool) -> None:
    gpu_type, rate = experiment.public.gpu_type, place_of(experiment).rate(experiment)
    hourly = 3600 * status.containers * (rate.usd_per_s if rate else 0.0)
    if json:
        print_json({**asdict(status), "gpu_type": gpu_type, "usd_per_hour": round(hourly, 2)})
    else:
        table = Table(show_header=False)
        table.add_row("app", status.app)
        table.add_row("deployed", "yes" if status.deployed else "no")
        table.add_row("containers", f"{status.containers} with {gpu_type}, ${hourly:.2f} an hour")
        table.add_row("waiting calls", str(status.waiting))
        output.print(table)
