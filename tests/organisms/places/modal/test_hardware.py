from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.organisms.places.modal.hardware import every_hardware, hardware, load_gpus
from interp_bench_ext.places import GPU_TYPES


def test_every_gpu_that_a_config_may_name_has_its_memory_and_price() -> None:
    gpus = load_gpus(Path("/nonexistent"))
    assert list(gpus) == list(GPU_TYPES)
    one, four = hardware("H100", gpus), hardware("H100:4", gpus)
    assert four.memory_bytes == 4 * one.memory_bytes == 320_000_000_000
    assert four.usd_per_s - one.usd_per_s == pytest.approx(3 * gpus["H100"].usd_per_second)


def test_a_user_can_correct_the_table(tmp_path: Path) -> None:
    table = tmp_path / "gpus.json"
    table.write_text('{"T4": {"memory_gb": 16, "usd_per_second": 0.5}}', encoding="utf-8")
    assert load_gpus(table)["T4"].usd_per_second == 0.5
    assert load_gpus(table)["L4"] == load_gpus(Path("/nonexistent"))["L4"]
    table.write_text('{"T4": {"memory": 16}}', encoding="utf-8")
    with pytest.raises(BadInput, match=r"gpus.json: not a table of GPUs: `T4\."):
        load_gpus(table)


def test_several_gpus_and_a_region_cost_more():
    gpus = load_gpus(Path("nowhere"))
    one, two = (hardware(name, gpus) for name in ("H100", "H100:2"))
    assert (two.gpus, two.memory_bytes, two.gpu_type) == (2, 2 * one.memory_bytes, "H100:2")
    assert one.usd_per_s < two.usd_per_s < 2 * one.usd_per_s, "processor and memory are paid once"
    assert hardware("H100", gpus, region="us").usd_per_s == pytest.approx(1.5 * one.usd_per_s)
    assert hardware("H100", gpus, region="us-east").usd_per_s == pytest.approx(1.75 * one.usd_per_s)


def test_one_gpu_comes_before_several_and_the_cheap_before_the_dear():
    offers = every_hardware(load_gpus(Path("nowhere")))
    assert [offer.gpus for offer in offers] == sorted(offer.gpus for offer in offers)
    singles = [offer.usd_per_s for offer in offers if offer.gpus == 1]
    assert singles == sorted(singles)
    assert {offer.gpu_type.partition(":")[0] for offer in offers} == set(GPU_TYPES)
