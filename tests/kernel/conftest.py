from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.kernel.client import RemoteOrganism

from .stub import Host


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """Short: a Unix socket's path has 107 characters at most."""
    with tempfile.TemporaryDirectory(prefix="ib-") as folder:
        yield Path(folder, "o.sock")


@pytest.fixture
def host(socket_path: Path) -> Iterator[Host]:
    stub = Host(socket_path).start()
    yield stub
    stub.stop()


@pytest.fixture
def organism(host: Host) -> RemoteOrganism:
    return RemoteOrganism(host.connection)
