from __future__ import annotations

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.models.prices import DEFAULT_MODEL, Price, load_prices, price_of
from interp_bench_ext.models.usage import Usage


def test_the_shipped_prices_know_the_default_model_and_dated_names():
    prices = load_prices()
    million = Usage(input_tokens=1_000_000)
    assert DEFAULT_MODEL in prices
    assert price_of(prices, "claude-haiku-4-5-20251001").of(million) == 1
    assert price_of(prices, "claude-haiku-5-5").of(million) == 0.5
    assert price_of(prices, "claude-haiku-5-5").of(Usage(input_tokens=100_000)) == pytest.approx(0.01)
    assert all(price.cache_read < price.input < price.output for price in prices.values())


def test_a_users_prices_win(tmp_path):
    own = tmp_path / "prices.json"
    own.write_text('{"my-model": {"input": 1, "output": 2, "cache_read": 0, "cache_write": 0}}')
    prices = load_prices(own)
    assert prices["my-model"] == Price(input=1, output=2, cache_read=0, cache_write=0)
    assert DEFAULT_MODEL in prices
    own.write_text('{"my-model": {"input": "much"}}')
    with pytest.raises(
        BadInput, match=r"prices\.json: not a table of prices: `my-model\.input`: .*in dollars per million"
    ):
        load_prices(own)
