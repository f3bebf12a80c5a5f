"""The dispatcher on CUDA in bfloat16 against float32 on the CPU, its guard over memory, and what batching brings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp_bench_ext.contracts import Row
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.devices import free_bytes, place
from interp_bench_ext.host.organism import load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.kernel.client import RemoteOrganism
from interp_bench_ext.organisms.locate import locate
from tests.host.running import Host
from tests.host.tiny import FAMILIES, Plain, save_model

PROMPTS = [
    "The capital of France is",
    "Water boils at a temperature of",
    "Once upon a time there was a",
    "The opposite of hot is",
]
CUDA = torch.device("cuda")


def remote(host: Host) -> RemoteOrganism:
    return RemoteOrganism(host.connection)


def test_it_runs_on_the_gpu_in_bfloat16(cuda: Host) -> None:
    info = remote(cuda).get_model_info()
    said = str(info)
    assert "cuda" in said
    assert "bfloat16" in said
    assert cuda.process.device.startswith("cuda")


def test_greedy_replies_agree_with_float32_on_the_cpu(cuda: Host, cpu: Host) -> None:
    asked: dict[str, Any] = {"stems": PROMPTS, "max_new_tokens": 4, "temperature": 0.0}
    here, there = remote(cpu).text_completion(**asked), remote(cuda).text_completion(**asked)
    same = sum(first == second for first, second in zip(here.texts, there.texts, strict=True))
    assert same >= len(PROMPTS) - 1, (here.texts, there.texts)


def test_the_lens_sees_the_same_at_every_layer(cuda: Host, cpu: Host) -> None:
    here = remote(cpu).logit_lens(prompt=PROMPTS[0], raw=True)
    there = remote(cuda).logit_lens(prompt=PROMPTS[0], raw=True)
    assert (here.tokens, here.layers) == (there.tokens, there.layers)
    confident = here.top_probs[..., 0] > 0.3
    assert confident.any()
    first = np.array([[[tokens[0] for tokens in row] for row in grid.top_tokens] for grid in (here, there)])
    assert (first[0] == first[1])[confident].mean() > 0.9
    assert np.abs(here.top_probs[..., 0] - there.top_probs[..., 0])[confident].mean() < 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_every_architecture_in_float32_equals_hugging_face(family: str, tmp_path: Path) -> None:
    folder = save_model(family, tmp_path / "model")
    spec = OrganismSpec(name=str(folder), device="cuda", dtype="float32")
    organism = load_organism(spec, locate(spec), lambda _stage, _done, _total: None)
    plain = Plain.load(folder)
    rows = [Row(tuple(organism.text_ids(text))) for text in ("the quick brown fox", "a")]
    stops = sorted(organism._engine.stop_ids)
    for row, (completion,) in zip(rows, organism.generate(rows, max_new_tokens=16, temperature=0.0), strict=True):
        assert list(completion.ids) == plain.greedy(row.ids, 16, stops)


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    used = torch.cuda.memory_allocated()
    folder = save_model("llama", tmp_path / "model")
    numbers = sum(free_bytes(torch.device("cuda", index)) for index in range(torch.cuda.device_count()))
    header = json.dumps({"w": {"dtype": "BF16", "shape": [numbers], "data_offsets": [0, 2 * numbers]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(BadInput, match=r"needs about .* GiB of cuda memory and .* GiB are free"):
        place(folder, torch.bfloat16, CUDA, None)
    assert torch.cuda.memory_allocated() <= used


def test_a_call_that_does_not_fit_ends_alone(cuda: Host) -> None:
    assert cuda.error("large", kind="torch")["code"] == "out_of_memory"
    assert remote(cuda).text_completion(stems=PROMPTS[:1], max_new_tokens=2).texts


def test_a_batch_that_is_larger_than_memory_is_split_with_the_same_result(cuda: Host) -> None:
    long = ["word " * 400] * 256
    few: dict[str, Any] = {"max_new_tokens": 2, "temperature": 0.0}
    together = remote(cuda).text_completion(stems=long, **few)
    assert len(set(together.texts)) == 1
    assert len(together.texts) == len(long)


def test_sixty_four_replies_take_far_less_than_sixty_four_times_one(
    cuda: Host, record_property: Callable[[str, object], None]
) -> None:
    organism = remote(cuda)

    def seconds(count: int) -> float:
        began = time.monotonic()
        organism.prefill_attack(
            prompts="What do you like?", prefills="My favourite", n=count, temperature=1.0, max_new_tokens=48
        )
        return time.monotonic() - began

    seconds(64)
    one, many = min(seconds(1) for _ in range(3)), min(seconds(64) for _ in range(3))
    record_property("tokens_per_s", 64 * 48 / many)
    assert many < 16 * one
