from __future__ import annotations

import math
import statistics as stats

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel.own_method import OwnMethod

THRESHOLD = 3


def helper(x):
    return math.sqrt(x)


def plain(organism, *, texts, n=2):
    """Count."""
    return [helper(n) + stats.mean([1, 2]) for _ in texts]


def decorated(function):
    return function


@decorated
def with_decorator(
    organism,
):
    return 1


def uses_a_variable(organism):
    return THRESHOLD


def test_a_method_is_sent_with_its_helpers_and_modules() -> None:
    own = OwnMethod.of(plain)
    names: dict = {"math": math, "stats": stats}
    exec(own.source, names)
    assert names["plain"](None, texts=["a"]) == plain(None, texts=["a"])
    assert own.modules == {"math": "math", "stats": "statistics"}
    assert own.arguments((["a"],), {"n": 3}) == {"texts": ["a"], "n": 3}


def test_decorators_stay_behind() -> None:
    assert OwnMethod.of(with_decorator).source.startswith("def with_decorator(")


def test_a_method_in_a_function_is_sent_without_its_indent() -> None:
    def inner(organism):
        return 1

    assert OwnMethod.of(inner).source == "def inner(organism):\n    return 1"


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (uses_a_variable, "uses the notebook's variable THRESHOLD"),
        (lambda organism: 1, "written with def"),
        (len, "written with def"),
        (eval("exec('def f(organism): return 1') or locals()['f']"), "not to be found"),
    ],
)
def test_what_cannot_be_sent_is_one_sentence(function, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        OwnMethod.of(function)


def test_closures_and_functions_without_an_organism_are_refused() -> None:
    held = 1

    def closure(organism):
        return held

    def nothing():
        return 1

    with pytest.raises(BadInput, match="variables of a function around it"):
        OwnMethod.of(closure)
    with pytest.raises(BadInput, match="takes the organism as its first argument"):
        OwnMethod.of(nothing)


@pytest.mark.parametrize(("positional", "named"), [((), {}), ((1, 2), {}), ((1,), {"m": 2})])
def test_wrong_arguments_are_named(positional: tuple, named: dict) -> None:
    with pytest.raises(BadInput, match=r"plain\(texts, \*, n=2\)"):
        OwnMethod.of(plain).arguments(positional, named)
