from __future__ import annotations

import pytest
import torch

from interp_bench_ext.host.sampling import choose


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-45, 1e-38, 1e-10, 1e-6, 1e-3])
@pytest.mark.parametrize("top_p", [0.5, 1.0])
def test_a_temperature_near_zero_is_greedy(temperature: float, top_p: float) -> None:
    logits = torch.randn(4, 300, generator=torch.Generator().manual_seed(0)) * 40
    tokens, logs = choose(logits, temperature, top_p, torch.tensor([0.0, 0.4, 0.9, 0.9999999]))
    assert tokens.tolist() == logits.argmax(-1).tolist()
    assert torch.allclose(logs, logits.log_softmax(-1).amax(-1), atol=1e-4)
