"""This machine: each organism in a process of its own."""

from __future__ import annotations

import importlib.util
import shutil

from interp_bench_ext.config import Experiment
from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.placement import Check, Placement
from interp_bench_ext.organisms.process import OrganismProcess
from interp_bench_ext.record.events import Emit
from interp_bench_ext.sandbox.bubblewrap import sandbox_available

_INSTALL = "pip install 'interp_bench_ext[local]'"
_NEEDED = ("torch", "transformers", "peft", "starlette")


class Local(Placement):
    """Free, and as strong as the machine is."""

    def veil(self) -> Veil:
        return Veil.PROCESS if sandbox_available() else Veil.SANDBOXED

    async def start(self, spec: OrganismSpec, *, emit: Emit) -> OrganismProcess:
        return await OrganismProcess.start(spec, emit=emit)

    def spec(self, experiment: Experiment) -> OrganismSpec:
        if importlib.util.find_spec("torch") is None:
            raise BadInput(f"local models need torch, which is not installed here; {_INSTALL}")
        return super().spec(experiment)

    async def checks(self, experiment: Experiment | None) -> list[Check]:
        missing = [name for name in _NEEDED if not importlib.util.find_spec(name)]
        driver = shutil.which("nvidia-smi") is not None
        wants_cuda = experiment is not None and experiment.sealed.model.device == "cuda"
        return [
            Check(
                what="local models",
                ok=not missing,
                state=f"without {', '.join(missing)}" if missing else "ready",
                mend=_INSTALL if missing else "",
                needed=experiment is not None,
            ),
            Check(
                what="GPU",
                ok=driver or not wants_cuda,
                state="an NVIDIA driver is there" if driver else "none found: local models run on the CPU",
                mend="" if driver or not wants_cuda else "set model.device: auto",
                needed=wants_cuda,
            ),
        ]
