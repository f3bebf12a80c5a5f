"""An organism's app on Modal: found by its content, deployed where it is missing, asked how it is, stopped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import modal
import platformdirs
from filelock import FileLock
from modal import exception

from interp_bench_ext.errors import InterpBenchError, OrganismLost, from_code
from interp_bench_ext.host.spec import OrganismSpec, with_detail
from interp_bench_ext.organisms.places.modal import account, weights
from interp_bench_ext.organisms.places.modal.app import PULL, class_name, make_app
from interp_bench_ext.organisms.places.modal.bundle import Parcel, packed
from interp_bench_ext.organisms.places.modal.failures import explaining

OnStage = Callable[[str, int, int], None]
"""Hears what goes on: ``building image``, ``pulling weights``, with how much is done of how much."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """How an organism stands on Modal."""

    app: str
    """The app's name, as ``modal app list`` shows it."""
    deployed: bool
    containers: int = 0
    """Running ones, which are what costs money."""
    waiting: int = 0
    """Calls that no container has taken yet."""


class Deployment:
    """The app of one parcel, and the methods of its class once it is there."""

    follow: Any
    call: Any

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel

    @classmethod
    async def of(cls, spec: OrganismSpec) -> Deployment:
        """For ``spec``, deployed or not. Raises BadInput where something that must be sent is missing."""
        return cls(await asyncio.to_thread(packed, spec))

    async def find(self) -> bool:
        """Whether it is deployed; if so its methods can be called from here on."""
        with explaining(self.parcel):
            name = class_name(self.parcel.settings)
            found: Any = modal.Cls.from_name(self.parcel.app, name, client=await account.client())
            try:
                await found.hydrate.aio()
            except exception.NotFoundError:
                return False
        instance = found()
        self.follow, self.call = instance.follow, instance.call
        return True

    async def ensure(self, on_stage: OnStage) -> None:
        """Find it, or deploy it and pull its weights; of several processes at once one deploys and the others wait."""
        if await self.find():
            return
        async with self._alone():
            if not await self.find():
                await self._deploy(on_stage)

    async def replace(self, on_stage: OnStage) -> None:
        """Deploy it over what is there."""
        async with self._alone():
            await self._deploy(on_stage)

    async def status(self) -> Status:
        if not await self.find():
            return Status(app=self.parcel.app, deployed=False)
        with explaining(self.parcel):
            stats = await self.call.get_current_stats.aio()
        return Status(app=self.parcel.app, deployed=True, containers=stats.num_total_runners, waiting=stats.backlog)

    async def undeploy(self) -> bool:
        """Stop the app with its containers; False where there is none. The weights stay in the volume."""
        lookup: Any = modal.App.lookup
        with explaining(self.parcel):
            try:
                app = await lookup.aio(self.parcel.app, client=await account.client())
                await app.stop.aio(client=await account.client())
            except exception.NotFoundError:
                return False
        return True

    async def _deploy(self, on_stage: OnStage) -> None:
        on_stage("building image", 0, 0)
        app: Any = make_app(self.parcel)
        with explaining(self.parcel):
            await app.deploy.aio(client=await account.client())
        if weights.needs_pull(self.parcel.spec):
            try:
                with explaining(self.parcel):
                    await self._pull(on_stage)
            except BaseException:
                await self._give_up()
                raise
        if not await self.find():
            raise OrganismLost("Modal has taken the organism's app and does not show it; run it again.")

    async def _pull(self, on_stage: OnStage) -> None:
        on_stage("pulling weights", 0, 0)
        pulling: Any = modal.Function.from_name(self.parcel.app, PULL, client=await account.client())
        async for item in pulling.remote_gen.aio():
            message = json.loads(item)
            if message["type"] == "pulling":
                on_stage("pulling weights", message["done"], message["total"])
            elif message["type"] == "failed":
                raise with_detail(from_code(message["code"], message["message"]), message["detail"])

    async def _give_up(self) -> None:
        """Take a deployment that cannot serve away, so that the next start does not find it."""
        try:
            await self.undeploy()
        except InterpBenchError:
            return

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        folder = Path(platformdirs.user_cache_dir("interp_bench")) / "modal"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{self.parcel.app}.lock", thread_local=False)
        while not await asyncio.to_thread(_taken, lock):
            pass
        try:
            yield
        finally:
            lock.release()


def _taken(lock: FileLock) -> bool:
    """Try for a second, so that whoever waits can be cancelled."""
    try:
        lock.acquire(timeout=1.0)
    except TimeoutError:
        return False
    return True
