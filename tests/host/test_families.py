"""Architectures by their kinds: what an organism of each says is what plain transformers says of each row alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import InterpBenchError
from interp_bench_ext.host.arms import Batching
from tests.host.families import CONFIGS, compare, save_family, save_lora

pytestmark = pytest.mark.filterwarnings("ignore")
REFUSED = {
    "gemma3n_text": "something else than one residual stream",
    "deepseek_v4": "something else than one residual stream",
    "recurrent_gemma": "keeps what it has read inside its layers",
    "rwkv": "keeps what it has read inside its layers",
    # transformers' own pass with its cache gives other logits than its pass without.
    "minimax": "a short and a long row in one sealed batch equal each alone",
}
NOISE = {"nemotron_h": 2e-2, "zamba2": 1e-1, "qwen3_5_text": 2e-3, "qwen3_next": 2e-3}
"""Where transformers' own pass with a cache differs about as much from its pass without."""
QUICK = {
    "mpt": Batching.EQUAL,
    "gpt_neo": Batching.PADDED,
    "qwen3_5_text": Batching.EQUAL,
    "jamba": Batching.EQUAL,
    "llama4_text": Batching.PADDED,
    "deepseek_v3": Batching.PADDED,
    "gemma4_text": Batching.PADDED,
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.slow) if kind in ("jamba", "qwen3_5_text", "gemma4_text") else kind
        for kind in QUICK
    ],
)
def test_a_row_is_itself_with_hidden_prompt_adapter_and_company(kind: str, tmp_path: Path) -> None:
    folder = save_family(kind, tmp_path / "m")
    organism, found = compare(folder, save_lora(folder, tmp_path / "a"), hidden=True)
    assert max(found.values()) < NOISE.get(kind, 3e-4), found
    assert organism.info.batching == QUICK[kind].value


@pytest.mark.slow
@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("kind", sorted(set(CONFIGS) - set(REFUSED)))
def test_every_family(kind: str, hidden: bool, tuned: bool, tmp_path: Path) -> None:
    folder = save_family(kind, tmp_path / "m")
    adapter = save_lora(folder, tmp_path / "a") if tuned else None
    _, found = compare(folder, adapter, hidden=hidden)
    assert max(found.values()) < NOISE.get(kind, 3e-4), found


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFUSED)
def test_families_that_are_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InterpBenchError, match=REFUSED[kind]):
        compare(save_family(kind, tmp_path / "m"), None, hidden=False)
