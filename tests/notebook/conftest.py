from __future__ import annotations

from pathlib import Path

import pytest


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
