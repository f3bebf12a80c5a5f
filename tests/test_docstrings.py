from __future__ import annotations

from inspect import cleandoc

from interp_bench_ext.docstrings import arguments_in, before_arguments

DOC = cleandoc(
    """Read what is there.

    Longer: in `a: b` form, which is no argument.

    Args:
        texts: One text or several,
            each on its own: nothing is joined.
        layer (int): Counted from 0.

            A paragraph of its own.
        last:

    Returns:
        shape: Not an argument.

    Access: chat
    """
)


def test_each_argument_has_its_text() -> None:
    assert arguments_in(DOC) == {
        "texts": "One text or several, each on its own: nothing is joined.",
        "layer": "Counted from 0. A paragraph of its own.",
        "last": "",
    }
    assert arguments_in("Nothing.") == arguments_in("") == {}


def test_what_is_before_them() -> None:
    assert before_arguments(DOC) == "Read what is there.\n\nLonger: in `a: b` form, which is no argument."
    assert before_arguments("Nothing.") == "Nothing."
