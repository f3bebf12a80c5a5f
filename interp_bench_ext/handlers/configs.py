"""What this server can do, and the configs that it offers."""

from __future__ import annotations

import asyncio

from .base import ServicesHandler, allowed_to


class InfoHandler(ServicesHandler):
    @allowed_to("read")
    async def get(self) -> None:
        desk = await self.desk()
        self.reply(desk.info())


class ConfigsHandler(ServicesHandler):
    @allowed_to("read")
    async def get(self) -> None:
        desk = await self.desk()
        self.reply(await asyncio.to_thread(desk.runs.catalog.cards))
