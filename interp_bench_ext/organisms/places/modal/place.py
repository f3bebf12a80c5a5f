"""Modal's GPUs: each organism as an app in the user's workspace."""

from __future__ import annotations

import importlib.util
from dataclasses import fields, replace

from interp_bench_ext.config import Experiment
from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.spec import ModalSettings, OrganismSpec
from interp_bench_ext.organisms.handle import ServedOrganism
from interp_bench_ext.organisms.placement import Check, Cost, Placement, Rate, place_of
from interp_bench_ext.organisms.places.modal.doctor import INSTALL, modal_checks
from interp_bench_ext.organisms.places.modal.estimate import check_fits
from interp_bench_ext.organisms.places.modal.hardware import hardware, load_gpus
from interp_bench_ext.organisms.places.modal.token import token_is_there
from interp_bench_ext.record.events import Emit


class Modal(Placement):
    """Paid by the second; a container serves while it is used, and a while longer."""

    at_once = 8

    def veil(self) -> Veil:
        return Veil.REMOTE

    def obstacle(self) -> str | None:
        if token_is_there():
            return None
        return (
            "Modal has no token on this machine; run `modal token new`, then start again."
            " What has `model.execution_mode: local` needs none."
        )

    async def start(self, spec: OrganismSpec, *, emit: Emit) -> ServedOrganism:
        from interp_bench_ext.organisms.places.modal.organism import ModalOrganism

        return await ModalOrganism.start(spec, emit=emit)

    def spec(self, experiment: Experiment) -> OrganismSpec:
        if importlib.util.find_spec("modal") is None:
            raise BadInput(f"Modal's client is not installed here; {INSTALL}")
        check_fits(experiment)
        model = experiment.sealed.model
        given = {**dict(model.modal), "gpu_type": model.gpu_type}
        settings = ModalSettings(**{field.name: given[field.name] for field in fields(ModalSettings)})
        return replace(super().spec(experiment), modal=settings)

    def estimate(self, experiment: Experiment) -> Cost | None:
        found = check_fits(experiment)
        if found is None:
            return None
        return Cost(
            said=found.described(),
            most_usd=found.most_usd,
            confirm_above_usd=experiment.sealed.model.modal.confirm_above_usd,
            confirm_key="model.modal.confirm_above_usd",
        )

    def rate(self, experiment: Experiment) -> Rate | None:
        model = experiment.sealed.model
        usd_per_s = hardware(model.gpu_type, load_gpus(), region=model.modal.region).usd_per_s
        return Rate(usd_per_s=usd_per_s, kept_s=model.modal.scaledown_window_s)

    def at_most(self, experiment: Experiment) -> int | None:
        return experiment.sealed.model.modal.max_containers

    async def reach(self, experiment: Experiment) -> None:
        spec = self.spec(experiment)
        from interp_bench_ext.organisms.places.modal.deployment import Deployment

        await (await Deployment.of(spec)).find()

    async def checks(self, experiment: Experiment | None) -> list[Check]:
        return await modal_checks(experiment)


def require_modal(experiment: Experiment) -> OrganismSpec:
    """What is deployed for a config. Raises BadInput for one whose organism runs elsewhere."""
    place = place_of(experiment)
    if not isinstance(place, Modal):
        raise BadInput(
            f"{experiment.path}: `model.execution_mode: {place.name}` runs nothing on Modal;"
            " set it to modal, or just run it"
        )
    return place.spec(experiment)
