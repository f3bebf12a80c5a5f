from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.config import load_config
from interp_bench_ext.organisms.placement import Check
from interp_bench_ext.organisms.places.local import Local


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a driver."""
    monkeypatch.setenv("PATH", str(tmp_path))


def checks(folder: Path, device: str | None = None) -> dict[str, Check]:
    experiment = None
    if device is not None:
        file = folder / "x.yaml"
        model = f"{{name: a/b, execution_mode: local, device: {device}}}"
        file.write_text(f"experiment_name: x\nmodel: {model}\ntask: t\n", encoding="utf-8")
        experiment = load_config(file)
    return {check.what: check for check in asyncio.run(Local("local").checks(experiment))}


def test_a_gpu_is_needed_by_a_config_that_asks_for_one_only(bare: None, tmp_path: Path):
    for device in (None, "auto", "cpu"):
        gpu = checks(tmp_path, device)["GPU"]
        assert (gpu.ok, gpu.needed, gpu.mend) == (True, False, ""), device
    gpu = checks(tmp_path, "cuda")["GPU"]
    assert (gpu.ok, gpu.needed, gpu.mend) == (False, True, "set model.device: auto")


def test_a_driver_is_seen(bare: None, tmp_path: Path):
    (tmp_path / "nvidia-smi").touch(mode=0o755)
    assert checks(tmp_path, "cuda")["GPU"].state == "an NVIDIA driver is there"


def test_what_local_models_need_is_here(tmp_path: Path):
    assert checks(tmp_path)["local models"] == Check(what="local models", ok=True, state="ready", mend="", needed=False)
