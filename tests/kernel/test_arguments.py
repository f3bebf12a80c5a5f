from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from interp_bench_ext.contracts import Access, Parameter, TechniqueSpec
from interp_bench_ext.kernel.arguments import WrongArguments, bind, default_value, plain, signature

from ..results import samples

SPEC = TechniqueSpec(
    name="look",
    summary="",
    doc="",
    access=Access.SAMPLE,
    parameters=(
        Parameter(name="n", type="int", default="1", help=""),
        Parameter(name="prompt", type="str", default=None, help=""),
        Parameter(name="layers", type="list[int]", default="range(3)", help=""),
    ),
)


def test_the_signature_reads_as_it_was_written():
    assert str(signature(SPEC)) == "(prompt: str, *, n: int = 1, layers: list[int] = range(3)) -> Result"
    assert default_value("(1, 'a')") == (1, "a")


def test_arguments_are_bound_as_python_binds_them():
    assert bind(SPEC, ("x",), {"n": 2}) == {"prompt": "x", "n": 2}
    assert bind(SPEC, (), {"prompt": "x"}) == {"prompt": "x"}


@pytest.mark.parametrize(
    ("positional", "named", "says"),
    [
        ((), {}, r"look needs prompt: look\(prompt, \*, n=1, layers=range\(3\)\)"),
        (("x", 1), {}, "Only prompt may be given by position"),
        (("x",), {"prompt": "y"}, "got 'prompt' twice"),
        (("x",), {"layer": 1}, "has no argument 'layer'.*did you mean"),
        (("x",), {"n": float("nan")}, "look's n is nan, which is not a finite number"),
        (("x",), {"n": object()}, "look's n cannot be sent to the organism: it is of type object"),
        (("x",), {"n": b"1"}, "of type bytes"),
    ],
)
def test_wrong_arguments_are_one_sentence(positional: tuple[Any, ...], named: dict[str, Any], says: str):
    with pytest.raises(WrongArguments, match=says):
        bind(SPEC, positional, named)


def test_values_become_json():
    texts = samples.generations(("a", "b"))
    assert plain(texts, "x") == ["a", "b"]
    assert plain({"a": (1, np.float32(0.5)), 2: np.arange(2)}, "x") == {"a": [1, 0.5], "2": [0, 1]}
    assert plain(iter([True, None]), "x") == [True, None]
    assert plain(samples.word_scores(1), "x")["words"] == ["galaxy"]
