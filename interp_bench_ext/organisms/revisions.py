"""Which revision each folder of weights is: a hub's commit, a bundled package's version, or a digest of its files.

A folder of the user's own is known by its contents alone, since weights that were trained again keep names, sizes and
index. Hashing takes about as long as reading, so a file's digest is kept until its size or time changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import platformdirs
from filelock import FileLock

from interp_bench_ext.host.bundled import package_of
from interp_bench_ext.host.sources import Sources
from interp_bench_ext.record.provenance import Revision

COMMIT_FILE = ".complete"
"""In a folder that was taken out of the hub's cache: the commit that it was."""
_WEIGHTS = (".safetensors", ".bin", ".gguf", ".json", ".model", ".txt", ".jinja")
"""Files of a model's folder that decide what is loaded from it."""
_KEPT_FROM_BYTES = 1 << 24
"""Smaller files are hashed faster than looked up."""


def revisions_of(sources: Sources) -> tuple[Revision, ...]:
    """What the folders in ``sources`` hold now, each once; reads files that it has not seen before."""
    parts = (
        ("model", sources.model),
        ("merged adapter", sources.merge),
        ("adapter", sources.adapter),
        ("oracle", sources.oracle),
        ("tokenizer", sources.tokenizer if sources.tokenizer not in (sources.model, sources.adapter) else None),
    )
    own = tuple(_revision(part, Path(folder)) for part, folder in parts if folder)
    beside = revisions_of(sources.reference) if sources.reference else ()
    return (*own, *(each.model_copy(update={"of": "reference"}) for each in beside))


def _revision(part: str, folder: Path) -> Revision:
    found = {"part": part, "kind": "local files", "revision": ""}
    commit = folder / COMMIT_FILE
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        found |= {"kind": "hub commit", "revision": folder.name}
    elif package := package_of(folder):
        found |= {"kind": "bundled package", "revision": package}
    elif commit.is_file():
        known = commit.read_text("utf-8").strip()
        found |= {"kind": "hub commit" if known else "unknown", "revision": known}
    else:
        found["revision"] = _contents(folder)
    return Revision.model_validate(found)


def _contents(folder: Path) -> str:
    """The SHA-256 over names and contents of a folder's files."""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.suffix in _WEIGHTS)
    known = _Known(Path(platformdirs.user_cache_dir("interp_bench")) / "digests.json")
    listed = "".join(f"{digest}  {file.name}\n" for file, digest in known.of(files))
    return hashlib.sha256(listed.encode()).hexdigest()


class _Known:
    """Digests of files, kept in a file of the user's cache; where that cannot be written, each is made anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, files: list[Path]) -> list[tuple[Path, str]]:
        """Each of ``files`` with its SHA-256."""
        before = self._read()
        now = {self._state(file): file for file in files}
        fresh = {state: _sha256(file) for state, file in now.items() if state not in before}
        kept = {state: digest for state, digest in fresh.items() if now[state].stat().st_size >= _KEPT_FROM_BYTES}
        if kept:
            self._add(kept)
        return [(file, fresh.get(state) or before[state]) for state, file in now.items()]

    @staticmethod
    def _state(file: Path) -> str:
        status = file.stat()
        return f"{file.resolve()} {status.st_size} {status.st_mtime_ns}"

    def _read(self) -> dict[str, str]:
        try:
            read = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _add(self, fresh: dict[str, str]) -> None:
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._path}.lock"):
                written = self._path.with_suffix(".new")
                written.write_text(json.dumps({**self._read(), **fresh}), encoding="utf-8")
                written.replace(self._path)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
