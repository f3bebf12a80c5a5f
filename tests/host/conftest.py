from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.host.tiny import FAMILIES, save_adapter, save_model


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny matrices: starting threads costs more than they save."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {family: save_model(family, tmp_path_factory.mktemp(family)) for family in FAMILIES}


@pytest.fixture(scope="session")
def adapter_folders(tmp_path_factory: pytest.TempPathFactory, model_folders: dict[str, Path]) -> dict[str, Path]:
    return {
        family: save_adapter(folder, tmp_path_factory.mktemp(f"{family}-adapter"))
        for family, folder in model_folders.items()
    }


@pytest.fixture(params=["llama", "gpt2", *(pytest.param(name, marks=pytest.mark.slow) for name in ("gemma2", "qwen2"))])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(family: str, model_folders: dict[str, Path]) -> Path:
    return model_folders[family]


@pytest.fixture
def adapter(family: str, adapter_folders: dict[str, Path]) -> Path:
    return adapter_folders[family]
