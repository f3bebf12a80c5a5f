from __future__ import annotations

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel.parser import Parser


def parser() -> Parser:
    made = Parser("look")
    made.add_argument("words", nargs="*")
    made.add_argument("-n", "--number", type=int)
    return made


def test_options_may_stand_anywhere_among_the_words():
    given = parser().read(["a", "-n", "2", "b"])
    assert (given.words, given.number) == (["a", "b"], 2)
    assert (parser().flags, parser().takes_words) == (["--number"], True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--nmber", "2"], "%interp look has no option --nmber.*--number"),
        (["--num=2"], "has no option --num"),
        (["-n", "many"], "%interp look: argument -n/--number: .*See %interp help look"),
    ],
)
def test_mistakes_are_sentences_and_never_end_the_process(words: list[str], says: str):
    with pytest.raises(BadInput, match=says):
        parser().read(words)


def test_words_where_none_are_taken_are_refused():
    with pytest.raises(BadInput, match="does not know what to do with 'x': put quotes"):
        Parser("stop").read(["x"])
