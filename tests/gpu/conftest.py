"""Tests that need an NVIDIA GPU: `make test-gpu` runs them where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.installed import technique_files
from tests.host.probes import write_probes
from tests.host.running import Host

TECHNIQUES = Path(__file__).parents[2] / "techniques"
REAL = "bundled:smollm2-135m-instruct"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/gpu/" in item.nodeid:
            item.add_marker(pytest.mark.gpu)
            if not torch.cuda.is_available():
                item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return write_probes(tmp_path_factory.mktemp("probes"), "large")


@pytest.fixture(scope="session")
def cuda(probes: tuple[Path, ...]) -> Iterator[Host]:
    """The real small model in bfloat16 on the GPU, served as every organism is."""
    files = tuple(technique_files([TECHNIQUES]).values())
    host = Host(OrganismSpec(name=REAL, device="cuda", dtype="bfloat16", techniques=(*files, *probes)), sandbox=True)
    yield host
    host.close()


@pytest.fixture(scope="session")
def cpu() -> Iterator[Host]:
    """The same in float32 on the CPU: the reference."""
    files = tuple(technique_files([TECHNIQUES]).values())
    host = Host(OrganismSpec(name=REAL, device="cpu", dtype="float32", techniques=files), sandbox=True)
    yield host
    host.close()
