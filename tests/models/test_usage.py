from __future__ import annotations

from interp_bench_ext.models.usage import Usage


def test_the_prompt_is_all_that_was_read_wherever_from():
    usage = Usage(input_tokens=3, output_tokens=100, cache_read_tokens=20, cache_write_tokens=7)
    assert usage.prompt_tokens == 30
