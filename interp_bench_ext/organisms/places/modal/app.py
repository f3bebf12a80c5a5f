"""The app that is deployed for an organism: an image, a function that pulls weights, and the class that serves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import modal

from interp_bench_ext.host.spec import ModalSettings
from interp_bench_ext.organisms.places.modal import weights
from interp_bench_ext.organisms.places.modal.bundle import ADAPTERS, PACKAGE, RUN_THERE, Parcel
from interp_bench_ext.organisms.places.modal.service import CARGO, Service, ServiceFromSnapshot, pull

PULL = pull.__name__
_DAY_S = 86_400
_PULL_TIMEOUT_S = 6 * 3600
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "67108864", "MALLOC_TRIM_THRESHOLD_": "268435456"}
"""Pieces of arrays are megabytes: without this each would be new pages, and page faults cost more than the copying."""


def class_name(settings: ModalSettings) -> str:
    """Under which the class that serves is found in its app."""
    return _class(settings).__name__


def make_app(parcel: Parcel) -> modal.App:
    """The app for ``parcel``; nothing in it says which organism it is, but for the one sealed variable.

    The class has no network, no secret of the workspace, and no access to other things of the workspace, for code that
    an agent wrote runs in its containers. Only the function that pulls weights reaches the model hub.
    """
    app = modal.App(parcel.app, include_source=False)
    image, settings = _image(parcel), parcel.settings
    cargo = modal.Secret.from_dict({CARGO: parcel.cargo})
    volume = modal.Volume.from_name(weights.VOLUME, create_if_missing=True)
    if weights.needs_pull(parcel.spec):
        hub = [modal.Secret.from_name(settings.secret)] if weights.needs_hub(parcel.spec) else []
        app.function(
            image=image,
            secrets=[cargo, *hub],
            volumes={str(weights.WEIGHTS): volume},
            timeout=_PULL_TIMEOUT_S,
            max_containers=1,
        )(pull)
    concurrent: Any = modal.concurrent(max_inputs=settings.concurrent_calls)(_class(settings))
    app.cls(
        image=image,
        gpu=settings.gpu_type,
        secrets=[cargo],
        volumes={str(weights.WEIGHTS): volume.with_mount_options(read_only=True)},
        block_network=True,
        restrict_modal_access=True,
        region=settings.region,
        scaledown_window=settings.scaledown_window_s,
        max_containers=settings.max_containers,
        timeout=_DAY_S,
        startup_timeout=settings.startup_timeout_s,
        enable_memory_snapshot=settings.memory_snapshot,
        experimental_options={"enable_gpu_snapshot": True} if settings.memory_snapshot else {},
    )(concurrent)
    return app


def _class(settings: ModalSettings) -> type[Service | ServiceFromSnapshot]:
    return ServiceFromSnapshot if settings.memory_snapshot else Service


def _image(parcel: Parcel) -> modal.Image:
    """Packages are layers that are built once; this package and the organism's files come as a container starts."""
    image = (
        modal.Image.debian_slim(python_version=f"{sys.version_info.major}.{sys.version_info.minor}")
        .apt_install("bubblewrap")
        .pip_install(*parcel.requirements)
        .env({"JUPYTER_PATH": ADAPTERS, **_MEMORY})
        .add_local_dir(PACKAGE, f"/root/{PACKAGE.name}", ignore=~modal.FilePatternMatcher(*RUN_THERE))
    )
    for path, place in parcel.files:
        image = _with(image, path, place)
    return image


def _with(image: modal.Image, path: Path, place: str) -> modal.Image:
    return image.add_local_dir(path, place) if path.is_dir() else image.add_local_file(path, place)
