from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interp_bench_ext.remembered import Remembered

_PICKS = st.lists(st.integers(0, 9), max_size=12)


@given(st.lists(_PICKS, max_size=6))
def test_what_is_told_of_a_list_is_made_of_its_items_whatever_was_asked_before(lists: list[list[int]]) -> None:
    items = [[number] for number in range(10)]
    remembered = Remembered[list[int], str](str)
    for picks in lists:
        chosen = [items[pick] for pick in picks]
        assert remembered.of(chosen) == [str(item) for item in chosen]


def test_only_what_is_new_is_made() -> None:
    made: list[str] = []

    def upper(item: list[str]) -> str:
        made.append(item[0])
        return item[0].upper()

    a, b, c, d = (["a"], ["b"], ["c"], ["d"])
    remembered = Remembered(upper)
    remembered.of([a, b])
    assert remembered.of([a, b, c]) == ["A", "B", "C"]
    assert remembered.of([d, a, b, c]) == ["D", "A", "B", "C"]
    assert remembered.of([a, c]) == ["A", "C"]
    assert made == ["a", "b", "c", "d"]
    remembered.of([a, b, c])
    assert made == ["a", "b", "c", "d", "b"], "what left the list is forgotten"


def test_equal_items_are_not_the_same() -> None:
    remembered = Remembered[list[int], int](id)
    first, second = [1], [1]
    assert remembered.of([first]) == [id(first)]
    assert remembered.of([second]) == [id(second)]


def test_what_is_done_to_the_answer_changes_no_other_answer() -> None:
    remembered = Remembered[int, int](abs)
    remembered.of([1, 2]).append(3)
    assert remembered.of([1, 2]) == [1, 2]
