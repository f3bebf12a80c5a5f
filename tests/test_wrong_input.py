from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from interp_bench_ext.wrong_input import first_problem, nearest


@pytest.mark.parametrize(
    ("name", "otherwise", "said"),
    [
        ("logit_lense", None, "; did you mean `logit_lens`?"),
        ("zzz", None, "; there are: chat, logit_lens."),
        ("zzz", "ask somebody", "; ask somebody"),
        ("zzz", "", ""),
    ],
)
def test_an_unknown_name(name: str, otherwise: str | None, said: str) -> None:
    assert nearest(name, ["logit_lens", "chat"], otherwise=otherwise) == said


def test_where_there_is_nothing_to_choose_from() -> None:
    assert nearest("chat", []) == "; there are: none."


class Inner(BaseModel):
    seeds: list[int]

    @field_validator("seeds")
    @classmethod
    def _some(cls, seeds: list[int]) -> list[int]:
        if not seeds:
            raise ValueError("No seed is given")
        return seeds


class Outer(BaseModel):
    agent: Inner


def test_the_first_problem_says_where_and_never_the_value() -> None:
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate({"agent": {"seeds": [1, "hidden-value"]}})
    said = first_problem(raised.value, within=("file",))
    assert said.startswith("`file.agent.seeds.1`: input should be a valid integer")
    assert "hidden-value" not in said
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate({"agent": {"seeds": []}})
    assert first_problem(raised.value) == "`agent.seeds`: no seed is given"
    with pytest.raises(ValidationError) as raised:
        Outer.model_validate([])
    assert first_problem(raised.value).startswith("input should be a valid dictionary")
