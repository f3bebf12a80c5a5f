from __future__ import annotations

import pytest

from interp_bench_ext.api import StartRun
from interp_bench_ext.errors import BadInput
from interp_bench_ext.kernel.person_lines import CHOICES, COMMANDS, person_parser


def given(name: str, *words: str) -> dict[str, object]:
    return {key: value for key, value in vars(person_parser(name).read(words)).items() if value is not None}


def test_every_command_says_what_it_is_for():
    for name in COMMANDS:
        assert person_parser(name).description
        assert name in person_parser(name).format_help()


def test_a_start_is_what_a_run_is_asked_for_with():
    words = "birch --agent playbook --max-steps 3 --max-cost 1.5 --max-minutes 2 --seed 7 --notebook n.ipynb --yes"
    asked = given("start", *words.split())
    here = asked.pop("here")
    assert here is False
    made = StartRun(request_id="1", **asked)  # type: ignore[arg-type]
    assert (made.config, made.provider, made.max_steps, made.seed) == ("birch", "playbook", 3, 7)
    assert (made.max_cost_usd, made.max_minutes, made.notebook, made.confirmed) == (1.5, 2, "n.ipynb", True)


def test_what_is_left_out_is_as_the_config_has_it():
    assert given("start", "birch") == {"config": "birch", "here": False}
    assert given("status") == {"run": ""}
    assert given("stop", "last") == {"run": "last"}


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("use", (), "required: CONFIG"),
        ("stop", (), "required: RUN"),
        ("start", ("birch", "--max-steps", "many"), "invalid int value: 'many'"),
        ("start", ("birch", "--approve", "ask"), "has no option --approve; did you mean `--approval`"),
        ("organisms", ("x",), "does not know what to do with 'x'"),
    ],
)
def test_mistakes_are_one_sentence(name: str, words: tuple[str, ...], said: str):
    with pytest.raises(BadInput, match=said):
        given(name, *words)


def test_what_may_follow_an_option_is_one_of_its_command():
    assert set(CHOICES) <= set(person_parser("start").flags)
