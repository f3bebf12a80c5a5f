"""The organisms that this server holds, for runs and for a person's own notebook."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tornado import web

from .base import BenchHandler, allowed_to

if TYPE_CHECKING:
    from ..api import HeldOrganism, UseOrganism
    from .bench import Bench


class OrganismsHandler(BenchHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self) -> None:
        bench = await self.bench()
        self.reply(bench.organisms.states())

    @web.authenticated
    @allowed_to("execute")
    async def post(self) -> None:
        from ..api import UseOrganism

        asked = self.body(UseOrganism)
        self.reply(await self.once(asked, lambda bench: _hold(bench, asked)))


class OrganismHandler(BenchHandler):
    @web.authenticated
    @allowed_to("execute")
    async def delete(self, organism: str) -> None:
        bench = await self.bench()
        bench.organisms.stop(organism)
        self.set_status(204)


async def _hold(bench: Bench, asked: UseOrganism) -> HeldOrganism:
    from ..api import HeldOrganism
    from ..runs import organism_spec

    experiment = await asyncio.to_thread(bench.catalog.load, asked.config)
    state, connection = await bench.organisms.hold(organism_spec(experiment), asked.config)
    return HeldOrganism(organism=state, url=connection.url, token=connection.token)
