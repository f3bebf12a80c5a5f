"""One model over several GPUs: where its weights go, and that every pass crosses from one to the next as it must."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Reads, Site
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host import devices
from interp_bench_ext.host import load as loading
from interp_bench_ext.host.organism import LoadedOrganism
from interp_bench_ext.results import encode
from tests.host.tiny import HIDDEN, load_tiny, mixed_rows
from tests.host.two_devices import DEVICES, Placed, accelerators, spread
from tests.techniques.support import technique

Make = Callable[[Path, Path], LoadedOrganism]
GIB = 1 << 30
CALLS: dict[str, dict[str, Any]] = {
    "adapter_diff": {"prompts": ["hi", "a fox"], "max_new_tokens": 6},
    "analyze_token_probs": {"prompts": ["hi", "a fox"], "targets": [" the", " quick fox"]},
    "logit_lens": {"prompt": "the quick brown fox", "target": " the"},
    "user_persona": {"n": 2, "max_new_tokens": 6},
    "prefill_attack": {"prompts": "hi", "prefills": "I am", "n": 3, "max_new_tokens": 6},
}


@pytest.fixture
def spread_organism(monkeypatch: pytest.MonkeyPatch) -> Make:
    """The organism of ``load_tiny`` on two devices; to be made and used inside of :func:`accelerators`."""
    load_weights = loading._load_weights

    def load_and_spread(*asked: Any) -> Any:
        model = load_weights(*asked[:-1], (torch.device("cpu"),))
        spread(model)
        return model

    def make(folder: Path, adapter: Path) -> LoadedOrganism:
        monkeypatch.setattr(loading, "place", lambda *_: DEVICES)
        monkeypatch.setattr(loading, "_load_weights", load_and_spread)
        return load_tiny(folder, adapter=adapter, hidden=HIDDEN)

    return make


def test_two_devices_give_what_one_gives(folder: Path, adapter: Path, spread_organism: Make) -> None:
    one = load_tiny(folder, adapter=adapter, hidden=HIDDEN)
    rows = mixed_rows(one)
    drawing: dict[str, Any] = {"n": 2, "max_new_tokens": 12, "seed": 3}
    drawn = one.generate(rows, **drawing)
    last = Site(-1, "resid_post")
    (batch,) = one.run(rows, Reads(sites=(last,)))
    with accelerators():
        two = spread_organism(folder, adapter)
        written = two.generate(rows, **drawing)
        (crossed,) = two.run(rows, Reads(sites=(last,)))
        unembedded = two.unembed(crossed.sites[last])
    for found, expected in (
        (crossed.logits, batch.logits),
        (crossed.sites[last], batch.sites[last]),
        (unembedded, one.unembed(batch.sites[last])),
    ):
        assert isinstance(found, Placed)
        assert found.device == DEVICES[0]
        torch.testing.assert_close(found.held, expected, atol=1e-5, rtol=1e-5)  # only one device's matrices are packed
    pairs = [(own, other) for two, one in zip(written, drawn, strict=True) for own, other in zip(two, one, strict=True)]
    assert [own.ids for own, _ in pairs] == [other.ids for _, other in pairs]
    assert all(own.logprobs == pytest.approx(other.logprobs, abs=1e-4) for own, other in pairs)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "logit_lens" else pytest.mark.slow) for name in CALLS]
)
def test_techniques_work_on_two_devices(
    name: str, model_folders: dict[str, Path], adapter_folders: dict[str, Path], spread_organism: Make
) -> None:
    folder, adapter = model_folders["llama"], adapter_folders["llama"]
    _, arrays = encode(technique(name)(load_tiny(folder, adapter=adapter, hidden=HIDDEN), **CALLS[name]))
    with accelerators():
        header, crossed = encode(technique(name)(spread_organism(folder, adapter), **CALLS[name]))
    assert header
    assert len(arrays) == len(crossed)
    for found, expected in zip(crossed, arrays, strict=True):
        # A product in other pieces differs in its last bit; what is no float32 is far from another value as one.
        if len(found) % 4:
            assert bytes(found) == bytes(expected)
        else:
            pair = (np.frombuffer(found, np.float32), np.frombuffer(expected, np.float32))
            assert np.allclose(*pair, rtol=1e-5, atol=1e-5, equal_nan=True)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Each GPU's free bytes, which the test sets."""
    free: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free))
    monkeypatch.setattr(devices, "free_bytes", lambda device: free[device.index or 0])
    monkeypatch.setattr(devices, "count_parameters", lambda _folder: 8 * GIB)
    return free


@pytest.mark.parametrize(
    ("free", "used"),
    [
        ([20 * GIB, 20 * GIB], 1),
        ([17 * GIB, 17 * GIB], 2),  # one would hold it, and no batch
        ([10 * GIB, 10 * GIB, 10 * GIB], 2),
        ([2 * GIB, 18 * GIB], 2),
        ([17 * GIB], 1),
        ([5 * GIB, 6 * GIB, 6 * GIB], 3),
    ],
)
def test_a_model_takes_the_fewest_gpus_that_have_room(gpus: list[int], free: list[int], used: int) -> None:
    gpus[:] = free
    found = devices.place(Path(), torch.bfloat16, torch.device("cuda"), None)
    assert len(found) == used
    if used > 1:
        assert list(devices.room_for_weights(found)) == list(range(used))


def test_gpus_that_are_too_small_together(gpus: list[int]) -> None:
    gpus[:] = [8 * GIB, 8 * GIB]
    with pytest.raises(BadInput, match=r"about 16\.5 GiB of cuda memory and 16\.0 GiB are free on 2 GPUs together"):
        devices.place(Path(), torch.bfloat16, torch.device("cuda"), None)
    assert devices.place(Path(), torch.bfloat16, torch.device("cuda"), "8bit")


@pytest.mark.parametrize("elsewhere", ["cpu", "disk"])
def test_blocks_that_no_gpu_takes_are_refused(elsewhere: str) -> None:
    gpus = (torch.device("cuda", 0), torch.device("cuda", 1))
    assert loading._used(SimpleNamespace(hf_device_map={"model.a": 1, "model.b": 1}), gpus) == gpus[1:]
    with pytest.raises(BadInput, match="blocks do not fit on the 2 GPUs"):
        loading._used(SimpleNamespace(hf_device_map={"model.a": 0, "model.b": elsewhere}), gpus)
