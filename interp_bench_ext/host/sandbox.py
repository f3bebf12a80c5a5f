"""How the organism's process is started: under bubblewrap where that works, as a plain process otherwise."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from interp_bench_ext.contracts import Veil
from interp_bench_ext.host.locate import Sources
from interp_bench_ext.host.spec import OrganismSpec

_CHILD = ["-m", "interp_bench_ext.host"]


@dataclass(frozen=True)
class Plan:
    """A command with its environment, and the names under which the child will find its files."""

    command: list[str]
    environment: dict[str, str]
    sources: Sources
    techniques: list[str]
    veil: Veil


def sandboxed(sources: Sources, spec: OrganismSpec, folder: Path, environment: dict[str, str], *, wanted: bool) -> Plan:
    """The plan for one start."""
    return Plan([sys.executable, *_CHILD], environment, sources, [str(path) for path in spec.techniques], Veil.PROCESS)
