from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from interp_bench_ext.yaml_limits import TooMuch, check_limits


def problem(text: str) -> tuple[str, int] | None:
    try:
        check_limits(YAML(typ="safe", pure=True).parse(text))
    except TooMuch as error:
        return str(error), error.line
    return None


def nested(depth: int) -> str:
    return "[" * depth + "1" + "]" * depth


def listed(values: int) -> str:
    return "a:\n" + "- 1\n" * values


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1",
        nested(50),
        listed(9_990),
        "n: " + "1" * 300,
        # A long text is no number, also where it begins with a digit.
        "n: '" + "1" * 5_000 + "'",
        "a: &x [1, 2]\nb: *x\nc: *x",
        # One name may be given twice; the later one stands.
        "a: &x 1\nb: &x [1, 2]\nc: *x",
        "a: *nothing",
    ],
)
def test_what_people_write_passes(text: str):
    assert problem(text) is None


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (nested(51), "nested more than 50 deep", 1),
        ("a: 1\nb: " + nested(51), "nested more than 50 deep", 2),
        (listed(10_000), "more than 10,000 values", 9_998),
        ("a: 1\nn: " + "1" * 301, "more than 300 digits", 2),
        ("n: -0x" + "f" * 300, "more than 300 digits", 1),
        ("a: &x\n  b: *x", "stands for itself", 2),
        ("a: &x [" + "1, " * 99 + "1]\nb: [" + "*x, " * 100 + "]", "more than 10,000 values", 2),
    ],
)
def test_what_is_too_much_is_said_with_its_line(text: str, said: str, line: int):
    found = problem(text)
    assert found is not None
    assert said in found[0]
    assert found[1] == line


def test_it_ends_with_the_first_thing_that_is_too_much():
    def events():
        yield from YAML(typ="safe", pure=True).parse(nested(51))
        raise AssertionError("it went on")

    with pytest.raises(TooMuch):
        check_limits(events())
