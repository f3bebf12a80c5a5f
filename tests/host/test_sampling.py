from __future__ import annotations

import pytest
import torch

from interp_bench_ext.host.sampling import Ways, choose


def ways(rows: int, temperature: float, top_p: float) -> Ways:
    return Ways.of([temperature] * rows, [top_p] * rows, torch.device("cpu"))


@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-45, 1e-38, 1e-10, 1e-6, 1e-3])
@pytest.mark.parametrize("top_p", [0.5, 1.0])
def test_a_temperature_near_zero_is_greedy(temperature: float, top_p: float) -> None:
    logits = torch.randn(4, 300, generator=torch.Generator().manual_seed(0)) * 40
    tokens, logs = choose(logits, ways(4, temperature, top_p), torch.tensor([0.0, 0.4, 0.9, 0.9999999]))
    assert tokens.tolist() == logits.argmax(-1).tolist()
    assert torch.allclose(logs, logits.log_softmax(-1).amax(-1), atol=1e-4)


@pytest.mark.parametrize("sorts", [False, True])
def test_each_row_is_drawn_in_its_own_way(sorts: bool) -> None:
    logits = torch.randn(6, 3000, generator=torch.Generator().manual_seed(1)) * 3
    asked = [(0.0, 1.0), (1.0, 1.0), (0.7, 0.9), (2.0, 0.5), (1.0, 0.999), (0.0, 0.3)]
    uniforms = torch.tensor([0.1, 0.9, 0.5, 0.7, 0.99, 0.4])
    mixed = Ways.of(*zip(*asked, strict=True), torch.device("cpu"))
    tokens, logs = choose(logits, mixed, uniforms, sorts=sorts)
    for row, (temperature, top_p) in enumerate(asked):
        alone, log = choose(logits[row : row + 1], ways(1, temperature, top_p), uniforms[row : row + 1])
        assert tokens[row] == alone
        assert logs[row] == pytest.approx(log.item(), abs=1e-5)
