"""What is sent to Modal for an organism, and the names under which it is found again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from interp_bench_ext.host.bundled import bundled_adapter
from interp_bench_ext.host.spec import ModalSettings, OrganismSpec

PACKAGE = Path(__file__).resolve().parents[3]
RUN_THERE = (
    "__init__.py",
    "contracts.py",
    "conversations.py",
    "docstrings.py",
    "errors.py",
    "host/**/*.py",
    "methods/**/*.py",
    "organisms/**/*.py",
    "record/__init__.py",
    "record/cell_events.py",
    "record/event.py",
    "record/events.py",
    "record/provenance.py",
    "record/scores.py",
    "installed.py",
    "results/**/*.py",
    "sealed_configs.py",
    "sandbox/*.py",
    "sandbox/syscalls/*",
    "word_breaks.py",
    "wrong_input.py",
)
"""What a container has of this package: globs."""
ADAPTERS = "/organism/jupyter"
"""A Jupyter data folder, where the adapters of bundled models are looked for."""
_HASHED_WHOLE_BYTES = 1 << 25
_NEEDED = (
    "accelerate",
    "filelock",
    "gguf",
    "icu4py",
    "numpy",
    "peft",
    "platformdirs",
    "pydantic",
    "safetensors",
    "scikit-learn",
    "starlette",
    "torch",
    "transformers",
    "uvicorn",
)
_NEEDED_BY_THOSE = ("aiohttp", "jupyter_core", "huggingface_hub")
"""Imported here too, and not among the package's own requirements."""
_QUANTIZATION = "bitsandbytes"


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """An organism packed for Modal."""

    app: str
    """The app's name, a digest of what is loaded and of what loads it."""
    fingerprint: str
    """Changes when a deployment under that name is out of date: this package's source, or its settings."""
    spec: OrganismSpec
    """With paths as the container has them."""
    files: tuple[tuple[Path, str], ...]
    """Files and folders here, and where the container has them."""
    requirements: tuple[str, ...]
    """What the image installs with pip."""

    @property
    def settings(self) -> ModalSettings:
        return self.spec.modal or ModalSettings()

    @property
    def cargo(self) -> str:
        """What the container is told, sealed things included."""
        return json.dumps({"spec": self.spec.to_wire(), "fingerprint": self.fingerprint})


def packed(spec: OrganismSpec) -> Parcel:
    """Pack ``spec``. Raises BadInput for a missing adapter."""
    shipped = replace(spec, modal=None)
    files: list[tuple[Path, str]] = []
    shipped.techniques = tuple(_shipped(spec.techniques, files))
    for field in ("name", "base_model", "tokenizer"):
        named = getattr(spec, field)
        if named and Path(named).expanduser().is_absolute():
            files.append((Path(named), f"/organism/files{len(files)}"))
            setattr(shipped, field, files[-1][1])
        adapter = bundled_adapter(named) if named and named.startswith("bundled:") else None
        if adapter is not None:
            files.append((adapter, f"{ADAPTERS}/interp_bench/configs/adapters/{adapter.name}"))
    needed = tuple(_requirements(spec))
    version = metadata.version("interp_bench_ext")
    content = [shipped.to_wire(), [_content(path) for path, _ in files], needed, version, platform.python_version()]
    settings = spec.modal or ModalSettings()
    return Parcel(
        app=f"ib-{_digest(content)}",
        fingerprint=_digest([[_content(PACKAGE, pattern) for pattern in RUN_THERE], asdict(settings)]),
        spec=replace(shipped, modal=settings),
        files=tuple(files),
        requirements=needed,
    )


def _shipped(techniques: Iterable[Path], files: list[tuple[Path, str]]) -> Iterator[Path]:
    """Where the container has each technique; the helpers beside it go along. Adds to ``files``."""
    folders: dict[Path, str] = {}
    for file in techniques:
        if file.parent not in folders:
            folders[file.parent] = f"/organism/techniques{len(folders)}"
            files += [(helper, f"{folders[file.parent]}/{helper.name}") for helper in sorted(file.parent.glob("_*.py"))]
        files.append((file, f"{folders[file.parent]}/{file.name}"))
        yield Path(files[-1][1])


def _requirements(spec: OrganismSpec) -> Iterator[str]:
    """Pinned to what is installed here; what is not, as the package requires it."""
    declared = {one.name: one for one in map(Requirement, metadata.requires("interp_bench_ext") or ())}
    names = [*_NEEDED, *_NEEDED_BY_THOSE, *([_QUANTIZATION] if spec.quantization else [])]
    for name in names:
        try:
            yield f"{name}=={metadata.version(name).partition('+')[0]}"
        except metadata.PackageNotFoundError:
            yield f"{name}{declared[name].specifier if name in declared else ''}"


def _content(path: Path, pattern: str = "**/*") -> list[list[object]]:
    """A file's or folder's content in a form that can be digested; of large files, size and age stand for it."""
    paths = sorted(path.glob(pattern)) if path.is_dir() else [path]
    return [
        [str(file.relative_to(path)), _of_file(file)]
        for file in paths
        if file.is_file() and "__pycache__" not in file.parts
    ]


def _of_file(file: Path) -> object:
    status = file.stat()
    if status.st_size > _HASHED_WHOLE_BYTES:
        return [status.st_size, status.st_mtime_ns]
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
