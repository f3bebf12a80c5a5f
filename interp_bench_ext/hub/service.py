"""The service put together: what lives as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from ..organisms.pool import OrganismPool
from .calls import Calls
from .classes import Classes
from .classrooms import Classrooms
from .identity import Identity
from .metrics import Metrics
from .offers import Offers
from .quotas import Quotas
from .settings import Settings
from .store import Store
from .tickets import Tickets

_LOOK_EVERY_S = 5.0


class Service:
    """Everything behind the routes.

    Args:
        settings: What the administrator says.
        folder: Where relative paths in the settings start.
        identity: Asks the Hub.

    Raises:
        BadInput: A config or the state's file cannot be used.
    """

    def __init__(self, settings: Settings, *, folder: Path, identity: Identity) -> None:
        self.settings, self.identity = settings, identity
        self.metrics = Metrics()
        self.store = Store(folder / Path(settings.state).expanduser())
        self.classrooms = Classrooms(settings, self.store)
        self.offers = Offers(settings, folder=folder, classrooms=self.classrooms)
        self.quotas = Quotas(settings, self.store, self.classrooms)
        self.pool = OrganismPool(
            idle_s=60 * settings.idle_minutes, at_most=settings.loaded_at_most, has_memory=self._has_memory
        )
        self.tickets = Tickets(
            settings=settings,
            store=self.store,
            offers=self.offers,
            quotas=self.quotas,
            pool=self.pool,
            metrics=self.metrics,
        )
        self.classes = Classes(classrooms=self.classrooms, store=self.store, offers=self.offers)
        self.calls = Calls(settings=settings, tickets=self.tickets, quotas=self.quotas, metrics=self.metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after tickets while the block lasts, then end all organisms; tickets stay good for the next start."""
        looking = asyncio.create_task(self._look_after())
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            await self.tickets.close()
            await self.pool.close()
            await self.calls.forward.close()
            self.store.close()

    def gauge(self) -> None:
        """Have the metrics say how it is now."""
        for handle, queue in self.calls.queues.items():
            counts = queue.counts().values()
            self.metrics.running.labels(handle).set(sum(running for running, _ in counts))
            self.metrics.waiting.labels(handle).set(sum(waiting for _, waiting in counts))
        self.metrics.loaded.set(len(self.pool.states()))
        self.metrics.tickets.set(len(self.tickets.all()))

    def _has_memory(self) -> bool:
        return psutil.virtual_memory().available > self.settings.keep_free_gb * 1e9

    async def _look_after(self) -> None:
        while True:
            await self.tickets.end_overdue(hub_away_at=self.identity.away_at)
            await asyncio.sleep(_LOOK_EVERY_S)
