from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from interp_bench_ext.sandbox.private_folder import private_folder


@pytest.mark.parametrize("depth", [0, 200])
def test_a_socket_fits_in_it_and_nobody_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    deep = tmp_path / ("d" * depth) if depth else Path(tempfile.gettempdir())
    deep.mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    folder = private_folder()
    try:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "s").mkdir()
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(folder / "s" / "k-5"))
    finally:
        (folder / "s" / "k-5").unlink()
        (folder / "s").rmdir()
        folder.rmdir()
