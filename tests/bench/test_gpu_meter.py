from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.bench.gpu_meter import GpuMeter
from interp_bench_ext.bench.plan import Cell
from interp_bench_ext.config import load_config


def test_gpu_time_is_counted_while_runs_go_on_and_until_their_containers_go(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(
        "experiment_name: one\nmodel: {name: gpt2, gpu_type: T4, modal: {scaledown_window_s: 100}}\ntask: t\n",
        encoding="utf-8",
    )
    cell = Cell(experiment=load_config(file), condition="c", organism="o")
    now = 0.0
    spent = GpuMeter(clock=lambda: now)
    first, second = spent.begin(cell), spent.begin(cell)
    rate = spent.usd / 100
    now = 50.0
    assert spent.usd == pytest.approx(rate * 200)
    spent.end(first)
    now = 60.0
    assert spent.usd == pytest.approx(rate * 210)
    spent.end(second)
    now = 1000.0
    assert spent.usd == pytest.approx(rate * 210)
    assert 0.000164 < rate < 0.00025
