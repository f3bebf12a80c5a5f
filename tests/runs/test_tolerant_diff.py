from __future__ import annotations

from typing import Any

import pytest

from interp_bench_ext.runs.tolerant_diff import Alike, Unlike, visible_text

ALIKE = Alike(tolerance=0.01)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("p = 0.500", "p = 0.504"),
        ("<object at 0x7f00aa11>", "<object at 0x7f00bb22>"),
        ("took 3.2 s", "took 41 ms"),
        ("at 2026-01-01 10:00:00", "at 2026-02-03 11:11:11"),
        ("a\n50%|#####     | 5/10\nb", "a\nb"),
        ("a  \nb\n\n", "a\nb"),
        ("nan", "nan"),
        ("1e-9", "0.0"),
    ],
)
def test_what_differs_in_any_two_runs_does_not_count(one: str, other: str):
    assert ALIKE.texts(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("p = 0.500", "p = 0.510", Unlike("number", "p = 0.500", "p = 0.510")),
        ("12 texts", "13 texts", Unlike("number", "12 texts", "13 texts")),
        ("red", "blue", Unlike("text", "red", "blue")),
        ("a\nb", "a", Unlike("text", "b", "")),
    ],
)
def test_what_says_something_else_is_found(one: str, other: str, expected: Unlike):
    assert ALIKE.texts(one, other) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"a": [1.0, 2.0]}, {"a": [1.0, 2.001]}, None),
        ({"a": [1.0, 2.0]}, {"a": [1.0, 3.0]}, Unlike("number", "a[1]: 2.0", "a[1]: 3.0")),
        ({"a": 100}, {"a": 101}, Unlike("number", "a: 100", "a: 101")),
        ({"a": 1}, {}, Unlike("text", "a: 1", "a: None")),
        ([1], [1, 2], Unlike("text", "[1]", "[1, 2]")),
        (True, 1, Unlike("text", "True", "1")),
    ],
)
def test_json_is_compared_place_by_place(one: Any, other: Any, expected: Unlike | None):
    if expected is None or one is not True:
        assert ALIKE.values(one, other) == expected


def test_html_is_compared_as_it_is_read():
    assert visible_text("<style>a{}</style><p>one</p><script>x</script><b> two </b>") == "one\ntwo"
