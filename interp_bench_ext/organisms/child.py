"""How the organism's process is started: under bubblewrap where that works, as a plain process otherwise.

In the sandbox it has no network, sees no other process, and finds its model in folders whose names tell nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from interp_bench_ext.contracts import Veil
from interp_bench_ext.host.sources import Sources
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.sandbox.bubblewrap import bwrap_command, sandbox_available
from interp_bench_ext.sandbox.limits import limited, memory_mb
from interp_bench_ext.sandbox.memory_group import MemoryGroup
from interp_bench_ext.sandbox.mounts import Mount, read_only, writable
from interp_bench_ext.sandbox.package import whole_package

_CHILD = ["-m", "interp_bench_ext.host"]
_INSIDE = Path("/organism")
_SYSTEM = (Path("/sys/devices/system/cpu"), Path("/sys/fs/cgroup"))
"""How many cores and how much memory there is."""
_CUDA_PROBE = "import sys, torch; sys.exit(not torch.cuda.is_available())"
_PROBE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Plan:
    """A command with its environment, and the names under which the child will find its files."""

    command: list[str]
    sources: Sources
    techniques: list[str]
    veil: Veil
    places: Mapping[Path, Path] = field(default_factory=dict)
    """Where the child finds each folder, where that is elsewhere."""

    def seen_from_here(self, text: str) -> str:
        """What the child says, with the folders' own names: for their owner only."""
        for path, place in self.places.items():
            text = text.replace(str(place), str(path))
        return text


def plan_start(
    sources: Sources, spec: OrganismSpec, folders: Sequence[Path], environment: dict[str, str], *, sandbox: bool
) -> Plan:
    """The strongest veil that works here; ``folders`` are where sockets go. Runs probes: not for an event loop."""
    plain = Plan([sys.executable, *_CHILD], sources, [str(path) for path in spec.techniques], Veil.PROCESS)
    if not sandbox or sandbox_available() is not None:
        return plain
    places = {path: _INSIDE / f"files{number}" for number, path in enumerate(sources.folders)}
    techniques = _technique_places(spec.techniques)
    mounts = [*whole_package(), *map(writable, folders), *(read_only(path) for path in _SYSTEM if path.exists())]
    mounts += [mount for path, place in places.items() for mount in _shown(path, place)]
    mounts += [read_only(path.resolve(), place) for path, place in techniques.items()]
    devices = _cuda_devices(spec.device)

    def inside(*arguments: str) -> list[str]:
        return bwrap_command(mounts, cwd=Path("/"), arguments=arguments, devices=devices)

    if devices and not _cuda_works(inside("-c", _CUDA_PROBE), environment):
        return plain
    moved = sources.moved({path: str(place) for path, place in places.items()})
    shown = [str(techniques[path]) for path in spec.techniques]
    return Plan(inside(*_CHILD), moved, shown, Veil.SANDBOXED, places)


def bounded(command: list[str]) -> tuple[list[str], MemoryGroup | None]:
    """What fails by itself when it takes all memory, rather than the machine with everything on it; the group it is in.

    Starts a process: not for an event loop.
    """
    if os.name != "posix":
        return command, None
    most_mb = memory_mb() * 7 // 8
    group = MemoryGroup.make(most_mb * 2**20)
    return limited(command, data_mb=most_mb, group=group), group


def _technique_places(files: Iterable[Path]) -> dict[Path, Path]:
    """Every technique file and the helpers beside it to where the sandbox shows it, one folder per folder."""
    places: dict[Path, Path] = {}
    folders: dict[Path, Path] = {}
    for file in files:
        inside = folders.setdefault(file.parent, _INSIDE / f"techniques{len(folders)}")
        places[file] = inside / file.name
        places |= {helper: inside / helper.name for helper in file.parent.glob("_*.py")}
    return places


def _shown(folder: Path, place: Path) -> Iterable[Mount]:
    """The folder, or, where it holds links as the hub's cache does, each file that it shows."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not any(path.is_symlink() for path in files):
        return [read_only(folder, place)]
    return [read_only(path.resolve(), place / path.relative_to(folder)) for path in files]


def _cuda_devices(device: str) -> list[Path]:
    return sorted(Path("/dev").glob("nvidia*")) if device in ("auto", "cuda") else []


def _cuda_works(command: list[str], environment: dict[str, str]) -> bool:
    """A GPU that is lost in the sandbox would be an organism that silently runs on the CPU."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=_PROBE_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
