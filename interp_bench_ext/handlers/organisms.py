"""The organisms that this server holds, for runs and for a person's own notebook."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..errors import NotNow
from .base import ServicesHandler, allowed_to

if TYPE_CHECKING:
    from ..api import AskOrganism, HeldOrganism, OrganismReply, UseOrganism
    from ..contracts import Connection
    from .desk import Desk


class OrganismsHandler(ServicesHandler):
    @allowed_to("read")
    async def get(self) -> None:
        desk = await self.desk()
        self.reply(desk.runs.services.organisms.states())

    @allowed_to("execute")
    async def post(self) -> None:
        from ..api import UseOrganism

        await self.command(UseOrganism, lambda desk, asked: _hold(desk, asked, self.current_user))


class OrganismHandler(ServicesHandler):
    @allowed_to("execute")
    async def delete(self, organism: str) -> None:
        desk = await self.desk()
        desk.runs.services.organisms.stop(organism)
        self.set_status(204)


class AskHandler(ServicesHandler):
    @allowed_to("execute")
    async def post(self, organism: str) -> None:
        from ..api import AskOrganism

        await self.command(AskOrganism, lambda desk, asked: _ask(desk, organism, asked, self.current_user))


_TALKING = {"chat": "prompts", "text_completion": "stems", "sample": "prompts"}
"""Techniques that answer a person, the best first, with what each calls the question."""
_REPLY_TOKENS = 160
_DEADLINE_S = 100.0


async def _ask(desk: Desk, organism: str, asked: AskOrganism, user: Any) -> OrganismReply:
    name = str(getattr(user, "username", ""))
    async with desk.runs.services.organisms.asked(organism, user=name) as lease:
        offered = {spec.name for spec in lease.specs}
        technique = next((known for known in _TALKING if known in offered), None)
        if technique is None:
            raise NotNow("this organism's config lets nobody ask it anything; add the technique chat to it")
        return await asyncio.to_thread(_reply, lease.connection, technique, asked.prompt)


def _reply(connection: Connection, technique: str, prompt: str) -> OrganismReply:
    from ..api import OrganismReply
    from ..kernel.wire import Wire
    from ..results.generations import Generations

    arguments = {_TALKING[technique]: prompt, "max_new_tokens": _REPLY_TOKENS, "temperature": 0.0}
    result = Wire(connection).call(technique, arguments, _DEADLINE_S)
    assert isinstance(result, Generations)
    return OrganismReply(text=result.texts[0], ended=result.finishes[0] == "stop")


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
