from __future__ import annotations

from interp_bench_ext.host.memory import Dimensions, Sizes

MODEL = Dimensions(layers=3, width=8, inner=20, kv_heads=2, head_dim=4, vocabulary=100)
SIZES = Sizes.of(MODEL, itemsize=2)


def test_sizes_are_those_of_the_shapes():
    assert SIZES.vocabulary == 100 * 4, "logits are float32"
    assert SIZES.site == 8 * 2
    keys_and_values_of_all_layers = 2 * 3 * (2 * 4) * 2
    assert SIZES.key_values == 2 * keys_and_values_of_all_layers
    assert SIZES.activations == (4 * 20 + 8 * 8) * 2


def test_a_pass_takes_what_it_is_asked_to_keep():
    plain = SIZES.per_forward_token(logits=False)
    assert plain == SIZES.key_values + SIZES.activations
    assert SIZES.per_forward_token(logits=True) - plain == 2 * SIZES.vocabulary
    assert SIZES.per_forward_token(logits=False, sites=5) - plain == 10 * SIZES.site
    assert SIZES.per_forward_token(logits=False, gradients=True) - plain == 5 * SIZES.activations


def test_a_row_grows_with_what_it_reads_and_writes():
    assert SIZES.per_generated_row(0, 0) == 6 * SIZES.vocabulary
    read, written = SIZES.per_generated_row(1, 0), SIZES.per_generated_row(0, 1)
    assert read - written == SIZES.activations


def test_a_quantized_model_takes_parts_of_bytes():
    half = Sizes.of(MODEL, itemsize=0.5)
    assert (half.site, half.key_values) == (4, SIZES.key_values // 4)
