from __future__ import annotations

from . import more_samples


def test_texts_beyond_every_control_are_counted_and_the_largest_difference_is_first():
    result = more_samples.ranked_texts()
    assert "3 beyond every control" in repr(result)
    assert "organism +1.60 nats (perplexity 7.4 / 36.6): The | lighthouse keeper" in str(result)
    assert result.table().difference_nats_per_token.is_monotonic_decreasing
