from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

# Rooms of jupyter-collaboration do not close theirs when they end.
_UNCLOSED = "Unclosed <MemoryObject"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings(f"ignore:{_UNCLOSED}:ResourceWarning"))


@pytest.fixture(autouse=True)
def _rooms_are_forgotten() -> Iterator[None]:
    # Nothing from before the test is of its rooms, and to look through all of that takes longer than most tests.
    gc.freeze()
    yield
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_UNCLOSED, category=ResourceWarning)
        gc.collect()
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _jupyter_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notary's database and connection files stay out of the home of whoever runs the tests."""
    folder: Path = tmp_path_factory.mktemp("jupyter")
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(folder / name.lower()))
    # Servers have the extensions that a test names, not those that are enabled on this machine.
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for notebooks, and for nothing else."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder
