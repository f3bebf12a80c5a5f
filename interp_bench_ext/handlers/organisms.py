"""The organisms that this server holds, for runs and for a person's own notebook."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tornado import web

from .base import ServicesHandler, allowed_to

if TYPE_CHECKING:
    from ..api import HeldOrganism, UseOrganism
    from .desk import Desk


class OrganismsHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self) -> None:
        desk = await self.desk()
        self.reply(desk.runs.services.organisms.states())

    @web.authenticated
    @allowed_to("execute")
    async def post(self) -> None:
        from ..api import UseOrganism

        asked = self.body(UseOrganism)
        self.reply(await self.once(asked, lambda desk: _hold(desk, asked, self.current_user)))


class OrganismHandler(ServicesHandler):
    @web.authenticated
    @allowed_to("execute")
    async def delete(self, organism: str) -> None:
        desk = await self.desk()
        desk.runs.services.organisms.stop(organism)
        self.set_status(204)


async def _hold(desk: Desk, asked: UseOrganism, user: Any) -> HeldOrganism:
    from ..api import HeldOrganism
    from ..organisms.placement import organism_spec

    experiment = await asyncio.to_thread(desk.runs.catalog.load, asked.config, by_file=True)
    public = experiment.public
    state, connection = await desk.runs.services.organisms.hold(
        organism_spec(experiment),
        desk.runs.catalog.name_of(experiment.path, experiment=public.experiment_name),
        access=public.access,
        user=str(getattr(user, "username", "")),
    )
    return HeldOrganism(organism=state, url=connection.url, token=connection.token)
