from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from interp_bench_ext.errors import OrganismError
from interp_bench_ext.results import Floats, Generations, Ints, Result, WordScores, decode, encode, result_types

from . import samples

_SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if hint == Floats:
        return hnp.arrays(np.float32, _SHAPES)
    if hint == Ints:
        return hnp.arrays(np.int64, _SHAPES)
    if get_origin(hint) is tuple:
        return st.lists(_values(get_args(hint)[0]), max_size=3).map(tuple)
    return {str: st.text(), int: st.integers(0, 2**62), bool: st.booleans(), float: st.floats(allow_nan=False)}[hint]


def _results(kind: type[Result]) -> st.SearchStrategy[Result]:
    return st.builds(kind, **{name: _values(hint) for name, hint in get_type_hints(kind).items()})


def _through_the_wire(result: Result) -> Result:
    header, parts = encode(result)
    assert sum(part.nbytes for part in parts) == header["nbytes"]
    return decode(json.loads(json.dumps(header)), b"".join(parts))


@pytest.mark.parametrize("kind", result_types().values(), ids=result_types())
def test_every_type_survives_the_round_trip(kind: type[Result]):
    @settings(max_examples=40, deadline=None)
    @given(_results(kind))
    def survives(result: Result) -> None:
        back = _through_the_wire(result)
        assert back == result
        for field in fields(result):
            value = getattr(back, field.name)
            assert not isinstance(value, np.ndarray) or not value.flags.writeable

    survives()


@pytest.mark.parametrize(
    "result",
    [*samples.all_samples(), *samples.hostile_samples(), *samples.empty_samples()],
    ids=lambda r: type(r).__name__,
)
def test_samples_survive_the_round_trip(result: Result):
    assert _through_the_wire(result) == result


def test_results_compare_by_content_and_are_not_hashable():
    one, other = samples.word_scores(3), samples.word_scores(4)
    assert one == samples.word_scores(3)
    assert one != other
    assert one != "text"
    with pytest.raises(TypeError):
        hash(one)


def test_arrays_are_views_and_aligned():
    header, parts = encode(samples.lens_grid())
    assert all(spec["offset"] % 8 == 0 for spec in header["arrays"].values())
    buffer = bytearray(b"".join(parts))
    result = decode(header, buffer)
    buffer[0:4] = np.float32(0.25).tobytes()
    assert result.top_probs.reshape(-1)[0] == 0.25


def test_other_number_types_become_the_declared_ones():
    scores = samples.word_scores(3)
    wide = WordScores(**{**scores.__dict__, "z": scores.z.astype(np.float64), "n_texts": np.int32(40)})
    back = _through_the_wire(wide)
    assert back == scores
    assert back.z.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"texts": "one"}, "Generations.texts is a tuple, not str"),
        ({"texts": (1,)}, "Generations.texts holds str, not int"),
        ({"logprobs": [1.0]}, "Generations.logprobs is a numpy array of numbers, not list"),
        ({"arm": None}, "Generations.arm holds str, not NoneType"),
    ],
)
def test_a_techniques_mistake_is_named(change: dict[str, Any], says: str):
    with pytest.raises(TypeError, match=says):
        encode(Generations(**{**samples.generations(("a",)).__dict__, **change}))


def test_only_results_are_encoded():
    with pytest.raises(TypeError, match="one of .*Generations, .*ModelInfo"):
        encode("text")  # type: ignore[arg-type]


def _header() -> dict[str, Any]:
    return encode(samples.word_scores(3))[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda h: h.pop("type"),
        lambda h: h.update(type="Pickle"),
        lambda h: h.update(type=[]),
        lambda h: h.update(nbytes=7),
        lambda h: h.update(fields=[]),
        lambda h: h["fields"].pop("words"),
        lambda h: h["fields"].update(words=[1]),
        lambda h: h["arrays"].pop("z"),
        lambda h: h["arrays"]["z"].update(dtype="<f8"),
        lambda h: h["arrays"]["z"].update(dtype="O"),
        lambda h: h["arrays"]["z"].update(shape=[-3]),
        lambda h: h["arrays"]["z"].update(shape=[2**70]),
        lambda h: h["arrays"]["z"].update(shape="3"),
        lambda h: h["arrays"]["z"].update(offset=10**6),
        lambda h: h["arrays"]["z"].update(offset=-4),
        lambda h: h["arrays"]["z"].update(offset="0"),
    ],
)
def test_a_bad_header_is_one_clear_error(spoil):
    header, parts = encode(samples.word_scores(3))
    spoil(header)
    with pytest.raises(OrganismError, match="a result that cannot be read"):
        decode(header, b"".join(parts))


def test_a_header_that_is_no_object_is_refused():
    with pytest.raises(OrganismError):
        decode([], b"")  # type: ignore[arg-type]
