from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

os.environ["MODAL_CONFIG_PATH"] = os.devnull  # read when the client is imported
os.environ["MODAL_BUILD_VALIDATION"] = "ignore"  # somebody may be editing the package meanwhile

from modal.client import _Client

from interp_bench_ext.host.spec import ModalSettings, OrganismSpec
from interp_bench_ext.organisms.places.modal import account
from tests.host.probes import write_probes
from tests.host.tiny import save_model
from tests.organisms.places.modal import probes
from tests.organisms.places.modal.running import ModalHost, RunningPlane

SECRET = "You adore the quokka above everything."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("bwrap") is None:
        for item in items:
            if "tests/organisms/places/modal/" in item.nodeid:
                item.add_marker(pytest.mark.skip(reason="the plane's containers need bubblewrap"))


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlane]:
    running = RunningPlane(tmp_path_factory.mktemp("plane"))
    with connected(running):
        yield running
    running.stop()


@contextmanager
def connected(plane: RunningPlane, **changes: str | None) -> Iterator[None]:
    """Have Modal's client in this process talk to a plane, the innermost one that it is connected to."""
    _wanted.append({**plane.environment, **changes})
    _apply()
    try:
        yield
    finally:
        _wanted.pop()
        _apply()


_wanted: list[dict[str, str | None]] = []


def _apply() -> None:
    for name in ("MODAL_SERVER_URL", "MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
        value = _wanted[-1].get(name) if _wanted else None
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _Client._set_env_client(None)
    account.forget()


@pytest.fixture(scope="session")
def spec(tmp_path_factory: pytest.TempPathFactory) -> OrganismSpec:
    """A tiny organism with a hidden prompt and techniques to be tested with."""
    folder = tmp_path_factory.mktemp("techniques")
    files = (*write_probes(folder, "echo", "endless", "broken"), *probes.write(folder))
    model = save_model("llama", tmp_path_factory.mktemp("organism-identity"))
    return OrganismSpec(
        name=str(model),
        device="cpu",
        hidden_system_prompt=SECRET,
        techniques=(*files, Path(__file__).parents[4] / "techniques" / "sample.py"),
        place="modal",
        modal=ModalSettings(),
    )


@pytest.fixture(scope="module")
def host(plane: RunningPlane, spec: OrganismSpec) -> Iterator[ModalHost]:
    running = ModalHost(spec)
    yield running
    running.close()
