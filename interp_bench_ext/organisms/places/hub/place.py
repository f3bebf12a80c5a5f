"""The Hub's organism service: one host for everybody, which keeps weights, prompts and ground truths."""

from __future__ import annotations

from pathlib import Path

from interp_bench_ext.config import Experiment
from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import BadInput, InterpBenchError
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.placement import Check, HandedIn, Placement
from interp_bench_ext.organisms.places.hub.account import hub_account, why_no_account
from interp_bench_ext.organisms.places.hub.api import HubApi
from interp_bench_ext.organisms.places.hub.configs import HubConfigs
from interp_bench_ext.organisms.places.hub.organism import HubOrganism
from interp_bench_ext.record.events import Emit
from interp_bench_ext.record.scores import Score


class Hub(Placement):
    """Costs nothing here; what may be used is the administrator's to say."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        account = hub_account()
        self._configs = HubConfigs(account) if account is not None else None

    def veil(self) -> Veil:
        return Veil.REMOTE

    def obstacle(self) -> str | None:
        return why_no_account()

    def offered(self) -> Path | None:
        if self._configs is None:
            return None
        self._configs.refresh()
        return self._configs.folder

    async def start(self, spec: OrganismSpec, *, emit: Emit) -> HubOrganism:
        account = hub_account()
        if account is None:
            raise BadInput(why_no_account() or "")
        return await HubOrganism.start(account, spec, emit=emit)

    async def score(self, spec: OrganismSpec, handed: HandedIn) -> Score | None:
        account = hub_account()
        if account is None:
            raise BadInput(why_no_account() or "")
        api = HubApi(account)
        try:
            return await api.hand_in(spec.name, handed)
        finally:
            await api.aclose()

    async def checks(self, experiment: Experiment | None) -> list[Check]:
        account = hub_account()
        if account is None and experiment is None:
            return []
        if account is None:
            state = "this is no server of a JupyterHub that offers organisms"
            return [Check(what="JupyterHub", ok=None, state=state, needed=experiment is not None)]
        api = HubApi(account)
        try:
            offered = len(await api.organisms())
        except InterpBenchError as error:
            return [Check(what="JupyterHub", ok=False, state=error.message, needed=experiment is not None)]
        finally:
            await api.aclose()
        return [Check(what="JupyterHub", ok=True, state=f"offers {offered} organisms")]
