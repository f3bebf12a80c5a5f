"""What this server can do, and the configs that it offers."""

from __future__ import annotations

import asyncio

from tornado import web

from .base import BenchHandler, allowed_to


class InfoHandler(BenchHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self) -> None:
        bench = await self.bench()
        self.reply(bench.info())


class ConfigsHandler(BenchHandler):
    @web.authenticated
    @allowed_to("read")
    async def get(self) -> None:
        bench = await self.bench()
        self.reply(await asyncio.to_thread(bench.catalog.cards))
