from __future__ import annotations

from interp_bench_ext.notebook.opening import intro, opening_ids


def test_a_task_of_several_lines_is_one_quotation():
    said = intro(run="r1", task="Find it.\nShow how.")
    assert "> Find it.\n> Show how.\n" in said
    assert "interp-bench rerun r1" in said


def test_ids_are_those_that_the_run_has_added_or_that_are_free():
    assert opening_ids([], taken=set(), run="r") == ("intro", "setup")
    assert opening_ids([], taken={"intro", "setup"}, run="r") == ("intro-r", "setup-r")
    assert opening_ids(["intro-r"], taken={"intro", "intro-r"}, run="r") == ("intro-r", "setup")
    assert opening_ids(["a", "b", "c"], taken={"a", "b", "c"}, run="r") == ("a", "b")
