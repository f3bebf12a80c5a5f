from __future__ import annotations

from types import SimpleNamespace

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel.line import Line

NAMES = {
    "name": "Ada",
    "many": ["one", "two"],
    "quotes": 'He said "don\'t" and left',
    "k": 3,
    "thing": SimpleNamespace(colour="red"),
}


def texts(line: str) -> list[str]:
    read = Line.read(line, NAMES)
    return [read.text(word) for word in read.words]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"one text" --n 4', ["one text", "--n", "4"]),
        ("'single quotes' \"and double\"", ["single quotes", "and double"]),
        (r'"a \"quoted\" word and a \\ backslash"', [r'a "quoted" word and a \ backslash']),
        ('--target=" Paris" --target="x"', ["--target= Paris", "--target=x"]),
        ("What's your name, isn't it?", ["What's", "your", "name,", "isn't", "it?"]),
        ("'tis John's", ["'tis", "John's"]),
        ('""', [""]),
        ("", []),
    ],
)
def test_words_are_split_at_spaces_that_are_not_quoted(line: str, words: list[str]):
    assert texts(line) == words


def test_a_word_knows_how_it_was_written():
    read = Line.read('say "hi there"', {})
    assert [(word.quoted, word.typed) for word in read.words] == [(False, "say"), (True, '"hi there"')]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("$name", ["Ada"]),
        ("{name}", ["Ada"]),
        ('"Hello {name}, {k + 1} times"', ["Hello Ada, 4 times"]),
        ("{thing.colour} $thing.colour.", ["red", "red."]),
        ("{many[0:1][0]} {name!r}", ["one", "'Ada'"]),
        ("$$name {{name}}", ["$name", "{name}"]),
        ("costs $5, not $unknown or {unknown}", ["costs", "$5,", "not", "$unknown", "or", "{unknown}"]),
        ("'$name is quoted'", ["$name is quoted"]),
        ('[{"role":"user","content":"Hi"}]', ['[{"role":"user","content":"Hi"}]']),
        ("a lone } brace, $name", ["a", "lone", "}", "brace,", "Ada"]),
    ],
)
def test_variables_and_expressions_stand_for_their_values(line: str, words: list[str]):
    assert texts(line) == words


def test_a_value_keeps_its_own_quotes_and_spaces_in_one_word():
    assert texts("$quotes -n {k}") == [NAMES["quotes"], "-n", "3"]
    assert texts('"so: {quotes}"') == [f"so: {NAMES['quotes']}"]


def test_a_whole_word_may_be_any_object():
    read = Line.read("$many {k}", NAMES)
    assert [read.value(word) for word in read.words] == [["one", "two"], 3]
    assert all(read.is_variable(word) for word in read.words)
    mixed = Line.read("x{k}", NAMES)
    assert (mixed.value(mixed.words[0]), mixed.is_variable(mixed.words[0])) == ("x3", False)


def test_a_quote_that_is_not_closed_is_one_sentence():
    with pytest.raises(BadInput, match="A quote is not closed"):
        Line.read('chat "x', {})


def test_an_expression_that_fails_stays_as_it_was_written():
    assert texts("{1/0} {name!r:>5}") == ["{1/0}", "{name!r:>5}"]
