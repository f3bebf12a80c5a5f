from __future__ import annotations

import pytest

from tests.programs.standing_in import install


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """`claude` on the PATH, and nothing else on it that can investigate."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return install(folder)
