from __future__ import annotations

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.models.capacity import capacity_of, plain_name
from interp_bench_ext.models.prices import load_prices


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5"),
        ("global.anthropic.claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("anthropic.claude-opus-5-5-v1", "claude-opus-5-5"),
        ("claude-opus-5-5@20260922", "claude-opus-5-5"),
        ("qwen3:32b", "qwen3:32b"),
    ],
)
def test_a_models_plain_name(model: str, plain: str) -> None:
    assert plain_name(model) == plain


def test_what_is_known_of_a_model() -> None:
    prices = load_prices()
    opus = capacity_of("claude-opus-5-5", prices=prices)
    assert (opus.window, opus.max_output) == (200_000, 128_000)
    assert capacity_of("claude-opus-5-5", prices=prices, context_window=900_000).window == 900_000
    unknown = capacity_of("somebody-elses", prices=prices)
    assert (unknown.window, unknown.price) == (200_000, None)
    assert capacity_of("somebody-elses", prices=prices, context_window=32_000).window == 32_000
    with pytest.raises(
        BadInput, match="agent.context_window: claude-haiku-4-5 takes 200,000 tokens; give that or less"
    ):
        capacity_of("claude-haiku-4-5", prices=prices, context_window=300_000)
