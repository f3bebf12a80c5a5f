"""Weights in the volume that all organisms share, in folders whose names say nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from interp_bench_ext.host.bundled import ensure_bundled
from interp_bench_ext.host.sources import Progress
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.download import download
from interp_bench_ext.organisms.revisions import COMMIT_FILE

VOLUME = "interp-bench-weights"
"""Name of the volume in the user's Modal workspace."""
WEIGHTS = Path("/weights")
"""Where a container has the volume."""
CACHE = WEIGHTS / "cache"
"""Where bundled models are unpacked."""
_INCOMING = WEIGHTS / "incoming"


def from_hub(named: str | None) -> bool:
    """Whether ``named`` is a repository of the model hub: neither a path nor a bundled model."""
    return bool(named) and not str(named).startswith(("bundled:", "/", "~", ".")) and not Path(str(named)).is_absolute()


def needs_hub(spec: OrganismSpec) -> bool:
    """Whether anything comes from the model hub."""
    adapter_alone = spec.is_peft and spec.base_model is None
    return adapter_alone or any(map(from_hub, (spec.name, spec.base_model, spec.tokenizer)))


def needs_pull(spec: OrganismSpec) -> bool:
    """Whether anything must be fetched into the volume."""
    names = (spec.name, spec.base_model, spec.tokenizer)
    return needs_hub(spec) or any(str(named).startswith("bundled:") for named in names)


def pull(spec: OrganismSpec, report: Progress) -> None:
    """Fetch what ``spec`` names and the volume lacks. Raises BadInput as ``download`` and ``ensure_bundled`` do."""
    total = 1 + spec.is_peft + bool(spec.tokenizer)
    for number, (name, revision, key) in enumerate(_named(spec)):
        report("pulling weights", number, total)
        _fetch(name, revision, key, report)
    report("pulling weights", total, total)


def _named(spec: OrganismSpec) -> Iterator[tuple[str, str | None, str]]:
    """Names, revisions and the config's keys, the base last asked for: only its adapter's files may name it."""
    yield spec.name, spec.revision, "model.name"
    if spec.is_peft:
        yield _base_of(spec), spec.base_revision, "model.base_model"
    if spec.tokenizer:
        yield spec.tokenizer, spec.tokenizer_revision, "model.tokenizer"


def _fetch(name: str, revision: str | None, key: str, report: Progress) -> None:
    if name.startswith("bundled:"):
        ensure_bundled(name, on_progress=report)
    elif from_hub(name) and not (folder_of(name, revision) / COMMIT_FILE).exists():
        _take_in(download(name, revision, key), folder_of(name, revision))


def placed(spec: OrganismSpec) -> OrganismSpec:
    """``spec`` with every repository replaced by its folder in the volume."""

    def at(name: str | None, revision: str | None = None) -> str | None:
        return str(folder_of(str(name), revision)) if from_hub(name) else name

    name = at(spec.name, spec.revision) or ""
    base = at(_base_of(spec), spec.base_revision) if spec.is_peft else None
    tokenizer = at(spec.tokenizer, spec.tokenizer_revision)
    return replace(spec, name=name, revision=None, base_model=base, base_revision=None, tokenizer=tokenizer)


def missing(spec: OrganismSpec) -> bool:
    """Whether the volume lacks a folder of ``spec``, which must have been :func:`placed`."""
    folders = [Path(name) for name in (spec.name, spec.base_model, spec.tokenizer) if name and name.startswith("/")]
    return any(folder.is_relative_to(WEIGHTS) and not (folder / COMMIT_FILE).exists() for folder in folders)


def folder_of(repository: str, revision: str | None) -> Path:
    digest = hashlib.sha256(f"{repository}@{revision or ''}".encode()).hexdigest()
    return WEIGHTS / digest[:16]


def _base_of(spec: OrganismSpec) -> str:
    """The base model of an adapter, from the adapter's own configuration where the config does not name it."""
    if spec.base_model or not spec.is_peft:
        return spec.base_model or ""
    adapter = folder_of(spec.name, spec.revision) if from_hub(spec.name) else Path(spec.name)
    try:
        return str(json.loads((adapter / "adapter_config.json").read_text("utf-8"))["base_model_name_or_path"])
    except (OSError, ValueError, KeyError):
        return ""


def _take_in(snapshot: Path, folder: Path) -> None:
    """Move a hub snapshot's files into ``folder``; its links lead to files on the same volume.

    The file that says they are complete says which commit they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(path for path in snapshot.rglob("*") if path.is_file()):
        target = folder / file.relative_to(snapshot)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.resolve().replace(target)
    shutil.rmtree(_INCOMING, ignore_errors=True)
    (folder / COMMIT_FILE).write_text(snapshot.name, encoding="utf-8")


def use_volume() -> None:
    """Have the libraries that fetch weights put them into the volume. To be called before those are imported."""
    os.environ |= {"HF_HOME": str(_INCOMING), "XDG_CACHE_HOME": str(CACHE)}
