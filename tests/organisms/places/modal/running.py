"""The plane as a test uses it: its process, what it has seen, and what it shall break."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from interp_bench_ext.host.bundled import ensure_bundled
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.places.modal.deployment import Deployment, Status
from interp_bench_ext.organisms.places.modal.organism import ModalOrganism
from interp_bench_ext.organisms.places.modal.weights import VOLUME
from interp_bench_ext.record.events import OrganismLoading
from tests.host.running import Host

ROOT = Path(__file__).parents[4]
TOKEN = ("ak-test", "as-test")


class RunningPlane:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.organisms.places.modal.plane", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "67108864", "MALLOC_TRIM_THRESHOLD_": "268435456"},
        )
        assert self._process.stdout is not None
        addresses = json.loads(self._process.stdout.readline())
        self.grpc, self._http = addresses["grpc"], addresses["http"]

    @property
    def environment(self) -> dict[str, str]:
        """What Modal's client needs to talk to it."""
        return {
            "MODAL_SERVER_URL": self.grpc,
            "MODAL_TOKEN_ID": TOKEN[0],
            "MODAL_TOKEN_SECRET": TOKEN[1],
            "MODAL_CONFIG_PATH": os.devnull,
            "MODAL_BUILD_VALIDATION": "ignore",
        }

    def seen(self) -> Any:
        with urllib.request.urlopen(f"{self._http}/seen") as reply:
            return json.load(reply)

    def count(self, what: str) -> int:
        return int(self.seen()["counts"].get(what, 0))

    def do(self, what: str, **order: Any) -> Any:
        data = json.dumps({"do": what, **order}).encode()
        request = urllib.request.Request(f"{self._http}/do", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    def stop(self) -> None:
        """End it and its containers; the same as losing the network, when done in the middle of something."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.stdout.close()
            self._log.close()


def put_weights(plane: RunningPlane) -> None:
    """Have the volume hold the bundled model, as after a first pull."""
    cached = ensure_bundled("bundled:smollm2-135m-instruct").path
    target = Path(plane.do("volume", name=VOLUME)) / "cache" / "interp_bench"
    for file in cached.rglob("*"):
        if file.is_file():
            place = target / file.relative_to(user_cache_dir("interp_bench"))
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file, place)
            except OSError:  # another file system
                shutil.copy(file, place)


class ModalHost(Host):
    """An organism on the plane, with the same client as one of this machine."""

    process: Any

    def __init__(self, spec: OrganismSpec) -> None:
        self.events, self.seen = queue.Queue(), []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self.process = self.run(ModalOrganism.start(spec, emit=self._heard))
            self.lease = self.lend()
        except BaseException:
            self.close()
            raise

    def stages(self) -> list[str]:
        """Each stage of its loading once, in order."""
        return list(dict.fromkeys(event.stage for event in self.seen if isinstance(event, OrganismLoading)))


def deploy(spec: OrganismSpec) -> list[str]:
    """Deploy it and let it be; what was told on the way."""
    stages: list[str] = []

    async def main() -> None:
        await (await Deployment.of(spec)).ensure(lambda stage, _done, _total: stages.append(stage))

    asyncio.run(main())
    return stages


def undeploy(spec: OrganismSpec) -> bool:
    async def main() -> bool:
        return await (await Deployment.of(spec)).undeploy()

    return asyncio.run(main())


def status(spec: OrganismSpec) -> Status:
    async def main() -> Status:
        return await (await Deployment.of(spec)).status()

    return asyncio.run(main())
