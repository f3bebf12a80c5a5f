from __future__ import annotations

import numpy as np
import pytest

from interp_bench_ext.results.method_values import values_of

from . import more_samples


def test_text_and_table_have_every_column() -> None:
    result = more_samples.method_values()
    assert "The kitchen" in str(result)
    assert "0.9" in str(result)
    assert list(result.table().columns) == ["method", "row", "text", "nll", "nothing"]


@pytest.mark.parametrize(
    ("found", "names", "shape", "texts"),
    [
        (3, ("value",), (1, 1), ()),
        (True, ("value",), (1, 1), ()),
        (np.float32(2.5), ("value",), (1, 1), ()),
        ("said", (), (1, 0), (("said",),)),
        (["a", "b"], (), (2, 0), (("a", "b"),)),
        ([1, 2.5], ("value",), (2, 1), ()),
        (np.zeros((3, 2)), ("0", "1"), (3, 2), ()),
        ({"a": [1, 2], "b": ("x", "y"), "c": np.ones(2)}, ("a", "c"), (2, 2), (("x", "y"),)),
    ],
)
def test_what_a_method_may_return(found: object, names: tuple, shape: tuple, texts: tuple) -> None:
    result = values_of(found, "m")
    assert (result.names, result.values.shape, result.texts) == (names, shape, texts)


@pytest.mark.parametrize(
    "found",
    [None, object(), {}, {"a": [1], "b": [1, 2]}, np.zeros((2, 2, 2)), [[1], [1, 2]], {"a": [None]}, {"a": b"x"}],
)
def test_anything_else_is_refused_in_one_sentence(found: object) -> None:
    with pytest.raises(TypeError, match="a method returns one of the result types, a number, a text"):
        values_of(found, "m")
