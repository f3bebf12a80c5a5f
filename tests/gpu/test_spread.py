"""One model over two GPUs, against the same on one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Access, Row
from interp_bench_ext.host import devices
from interp_bench_ext.host.locate import locate
from interp_bench_ext.host.organism import LoadedOrganism, load_organism
from interp_bench_ext.host.spec import OrganismSpec
from tests.host.tiny import FAMILIES, HIDDEN, save_adapter, save_model

pytestmark = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are fewer than two CUDA devices")
GPUS = (torch.device("cuda", 0), torch.device("cuda", 1))


def organism(folder: Path, adapter: Path) -> LoadedOrganism:
    spec = OrganismSpec(
        name=str(adapter),
        is_peft=True,
        base_model=str(folder),
        device="cuda",
        dtype="float32",
        access=Access.BASE,
        hidden_system_prompt=HIDDEN,
    )
    return load_organism(spec, locate(spec), lambda _stage, _done, _total: None)


@pytest.mark.parametrize("family", FAMILIES)
def test_two_gpus_give_what_one_gives(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_model(family, tmp_path / "model")
    adapter = save_adapter(folder, tmp_path / "adapter")
    one = organism(folder, adapter)
    largest = devices.count_parameters(folder) * 4 * 3 // 4
    monkeypatch.setattr("interp_bench_ext.host.load.place", lambda *_: GPUS)
    monkeypatch.setattr("interp_bench_ext.host.load.room_for_weights", lambda _: {0: largest, 1: largest})
    two = organism(folder, adapter)
    assert two._engine.devices == GPUS
    texts = ("the quick brown fox jumps over", "a")
    rows = [Row(tuple(one.text_ids(text, base=base)), base) for text in texts for base in (False, True)]
    for first, second in zip(one.generate(rows, temperature=0.0), two.generate(rows, temperature=0.0), strict=True):
        assert [each.ids for each in first] == [each.ids for each in second]
    (whole,), (parts,) = one.forward(rows, residuals=True), two.forward(rows, residuals=True)
    assert torch.allclose(whole.residuals, parts.residuals, atol=1e-4)
    assert torch.allclose(whole.logits, parts.logits, atol=1e-4)
