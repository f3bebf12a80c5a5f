from __future__ import annotations

from typing import Any

import pytest

from interp_bench_ext.contracts import Access, Parameter, TechniqueSpec
from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel.command import ABOUT, arguments, choices, options, subcommands, technique, usage
from interp_bench_ext.kernel.line import Line


def parameter(name: str, type_: str, default: str | None = None) -> Parameter:
    return Parameter(name=name, type=type_, default=default, help=f"100 % {name}.")


def spec(name: str, *parameters: Parameter, doc: str = "Do it.") -> TechniqueSpec:
    return TechniqueSpec(name=name, summary="Do it.", doc=doc, access=Access.SAMPLE, parameters=parameters)


ASK = spec(
    "ask_all",
    parameter("prompts", "Prompts"),
    parameter("n", "int", "1"),
    parameter("prefixes", "list[str]", "()"),
    parameter("layers", "Sequence[int] | None", "None"),
    parameter("raw", "bool", "False"),
    parameter("thinking", "Literal['keep', 'close']", "'close'"),
    doc="Ask it.\n\nMore of it.\n\nArgs:\n    prompts: hidden",
)
LOOK = spec("look", parameter("top_k", "int", "5"), parameter("about", "str | None", "None"))
COUNT = spec("count", parameter("top_k", "int", "5"))


def given(line: str, of: TechniqueSpec = ASK, body: str | None = None, **names: Any) -> dict[str, Any]:
    return arguments(of.name, of, Line.read(line, names), body)


def test_everything_that_may_follow_is_listed_once():
    names = subcommands((ASK, ASK, LOOK))
    assert len(names) == len(set(names))
    assert set(names) >= {"ask_all", "look", *ABOUT}


def test_a_name_comes_before_what_is_short_for_another():
    short = ASK.short_names[0] if ASK.short_names else "ask"
    other = spec(short)
    assert technique(short, (ASK, other)) is other
    with pytest.raises(BadInput, match="^%interp has no subcommand 'lok'; did you mean `look`\\?$"):
        technique("lok", (ASK, LOOK))


def test_options_have_their_parameters_names_and_one_of_many_its_singular():
    assert options(ASK) == [
        "--prompt", "--prompts", "--n", "--prefix", "--prefixes", "--layer", "--layers", "--raw", "--no-raw",
        "--thinking",
    ]  # fmt: skip
    assert options(LOOK) == ["--top-k", "--about"]


def test_an_option_whose_type_lists_its_values_offers_them():
    assert choices("--thinking", ASK) == ["keep", "close"]
    assert choices("--n", ASK) == choices("--nothing", ASK) == []


def test_its_help_is_the_docstring_up_to_the_arguments_and_a_line_for_each_option():
    said = str(usage("ask", ASK))
    assert "%interp ask [TEXT …]" in said
    assert "More of it." in said
    assert "hidden" not in said
    assert "100 % layers. (Sequence[int] | None; default None, may be given again)" in " ".join(said.split())


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("what is it", {"prompts": "what is it"}),
        ('"one" "two"', {"prompts": ["one", "two"]}),
        ("--prompt a --prompt b", {"prompts": ["a", "b"]}),
        ("x --layers 1,2 --layer 3", {"prompts": "x", "layers": [1, 2, 3]}),
        ("x --layer 3", {"prompts": "x", "layers": [3]}),
        ("x --raw -n 2", {"prompts": "x", "raw": True, "n": 2}),
        ("x --no-raw", {"prompts": "x", "raw": False}),
        ("[no list", {"prompts": "[no list"}),
    ],
)
def test_words_become_arguments(line: str, arguments: dict[str, Any]):
    assert given(line) == arguments


def test_values_of_variables_keep_their_kind_where_the_parameter_has_it():
    assert given("$many -n $k", many=["a", "b"], k=3) == {"prompts": ["a", "b"], "n": 3}
    assert given("$k", k=3) == {"prompts": "3"}


def test_a_cells_body_is_the_text_and_the_line_holds_none_beside_it():
    assert given("-n 2", body="\nTwo\nlines.\n") == {"prompts": "Two\nlines.", "n": 2}
    with pytest.raises(BadInput, match="takes its text from the cell, not also from the line"):
        given("x", body="y")


def test_text_goes_to_the_first_parameter_that_takes_one():
    assert given("the sea", LOOK) == {"about": "the sea"}
    with pytest.raises(BadInput, match="%interp count takes no text, only options"):
        given("the sea", COUNT)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", r"%interp ask_all needs a text \(prompts\)"),
        ("x -n many", "takes int, not 'many'"),
        ("x --layer 1,x", "takes None or Sequence or int|takes Sequence or int, not '1,x'"),
        ("x --prefixs y", "no option --prefixs; did you mean `--prefixes`"),
    ],
)
def test_mistakes_are_one_sentence(line: str, said: str):
    with pytest.raises(BadInput, match=said):
        given(line)
