"""An organism started where its spec says: in a process of this machine, or on Modal."""

from __future__ import annotations

from typing import Protocol

from interp_bench_ext.contracts import Connection, TechniqueSpec, Veil
from interp_bench_ext.errors import InterpBenchError
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.process import OrganismProcess
from interp_bench_ext.record.events import Emit
from interp_bench_ext.record.provenance import Revision


class ServedOrganism(Protocol):
    """A loaded organism that serves until it is stopped; it comes back by itself when it is lost."""

    connection: Connection
    device: str
    revisions: tuple[Revision, ...]
    """Where its weights come from. Sealed."""
    lost: InterpBenchError | None
    """Why it is gone for good, or None."""

    @property
    def specs(self) -> tuple[TechniqueSpec, ...]:
        """The techniques that the config names and its access allows."""
        ...

    @property
    def veil(self) -> Veil: ...

    def busy_s(self) -> float:
        """Seconds that its model has worked since the start."""
        ...

    async def wait_ready(self) -> None: ...

    async def stop(self) -> None: ...


async def start_organism(spec: OrganismSpec, *, emit: Emit) -> ServedOrganism:
    """Load ``spec`` and return when it serves; ``emit`` hears how that goes. Raises an error of this package's tree."""
    if spec.placement is None:
        return await OrganismProcess.start(spec, emit=emit)
    from interp_bench_ext.organisms.places.modal.organism import ModalOrganism

    return await ModalOrganism.start(spec, emit=emit)
