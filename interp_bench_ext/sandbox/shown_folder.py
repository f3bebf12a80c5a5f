"""A folder with Python packages in a sandbox, without what tells of this installation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import jupyter_path

from .mounts import Mount, hidden, read_only

# Ground truth, other organisms, a server's passwords: readable where Python is, and no business of a kernel.
_HIDDEN = ("share/jupyter/interp_bench", "share/jupyter/runtime", "etc/jupyter", "src")
_SITE = "lib*/python3*/*-packages"
# What pip notes of this package (names, sizes and hashes of the configs that ship), and of editable installs.
_TRACES = ("interp_bench_ext", "interp_bench_ext[-.]*", "*editable_*interp_bench*", "__editable__*")


@dataclass(frozen=True)
class ShownFolder:
    """``parts`` of the folder ``host`` of this machine, below ``inside``."""

    host: Path
    inside: Path
    parts: tuple[str, ...] = ("",)

    def mounts(self) -> Iterator[Mount]:
        """The parts, where they are not in their place anyway, and covers for what they must not show."""
        shown = [part for part in self.parts if (self.host / part).exists()]
        if self.host != self.inside:
            yield from (read_only(self.host / part, self.inside / part) for part in shown)
        covered = set(self._covered())
        for path in sorted(covered):
            below = path.relative_to(self.host)
            if covered.isdisjoint(path.parents) and any(below.is_relative_to(part) for part in shown):
                yield hidden(self.inside / below, folder=path.is_dir())

    def place_of(self, path: Path) -> Path | None:
        """Where ``path`` is in there, None where it is not shown."""
        if not path.is_relative_to(self.host):
            return None
        below = path.relative_to(self.host)
        return self.inside / below if any(below.is_relative_to(part) for part in self.parts) else None

    def _covered(self) -> Iterator[Path]:
        for name in _HIDDEN:
            yield from self.host.glob(name)
        for path in map(Path, jupyter_path("interp_bench")):
            if path.is_dir() and path.is_relative_to(self.host):
                yield path
        for packages in self.host.glob(_SITE):
            for name in _TRACES:
                yield from packages.glob(name)
            yield from (file for file in packages.glob("*.pth") if _names_a_folder(file))
            yield from (file for file in packages.glob("*.dist-info/direct_url.json") if "file://" in _text(file))


def _names_a_folder(file: Path) -> bool:
    return any(line.startswith(("/", ".")) for line in _text(file).splitlines())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
