"""The benchmark for a GPU, on a tiny shape without one: that all of it works, not how fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_it_runs_on_a_tiny_model_without_a_gpu() -> None:
    command = [sys.executable, "benchmarks/gpu.py", "--shape", "tiny", "--device", "cpu", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    for group in ("decode 64 x 48", "lens, 256 positions", "lens, last position", "residuals kept, 2048", "LoRA"):
        assert group in done.stdout
    assert "steps captured: True" in done.stdout
