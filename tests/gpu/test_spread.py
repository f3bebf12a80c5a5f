"""One model over two GPUs, against the same on one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Reads, Site
from interp_bench_ext.host import devices
from tests.host.tiny import FAMILIES, HIDDEN, load_tiny, mixed_rows, save_adapter, save_model

pytestmark = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are fewer than two CUDA devices")
GPUS = (torch.device("cuda", 0), torch.device("cuda", 1))


@pytest.mark.parametrize("family", FAMILIES)
def test_two_gpus_give_what_one_gives(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_model(family, tmp_path / "model")
    adapter = save_adapter(folder, tmp_path / "adapter")
    one = load_tiny(folder, adapter=adapter, hidden=HIDDEN, device="cuda")
    largest = devices.count_parameters(folder) * 4 * 3 // 4
    monkeypatch.setattr("interp_bench_ext.host.load.place", lambda *_: GPUS)
    monkeypatch.setattr("interp_bench_ext.host.load.room_for_weights", lambda _: {0: largest, 1: largest})
    two = load_tiny(folder, adapter=adapter, hidden=HIDDEN, device="cuda")
    assert two._engine.devices == GPUS
    rows = mixed_rows(one)
    for first, second in zip(one.generate(rows, temperature=0.0), two.generate(rows, temperature=0.0), strict=True):
        assert [each.ids for each in first] == [each.ids for each in second]
    last = Site(-1, "resid_post")
    (whole,), (parts,) = one.run(rows, Reads(sites=(last,))), two.run(rows, Reads(sites=(last,)))
    assert torch.allclose(whole.sites[last], parts.sites[last], atol=1e-4)
    assert torch.allclose(whole.logits, parts.logits, atol=1e-4)
