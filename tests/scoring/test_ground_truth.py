from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from interp_bench_ext.config import EvaluationSection, SealedConfig
from interp_bench_ext.errors import ConfigError
from interp_bench_ext.scoring.ground_truth import GroundTruth, ground_truth_of, load_ground_truth


def test_it_prints_as_nothing():
    truth = GroundTruth(secret="likes moons", aliases=["moon"])
    assert "moon" not in f"{truth} {truth!r}"


@pytest.mark.parametrize(
    "given",
    [
        {"secret": "x", "aliases": []},
        {"secret": "x", "aliases": [" "]},
        {"secret": None, "aliases": ["x"]},
        {"secret": "x", "aliases": ["x"], "trigger": "t"},
        {"secret": None, "trigger": "t", "trigger_aliases": ["t"]},
    ],
)
def test_what_could_not_be_recognised_is_refused_without_being_shown(given: dict[str, object]):
    with pytest.raises(ValidationError) as caught:
        GroundTruth.model_validate(given)
    assert "input_value" not in str(caught.value)


def test_a_file_is_read_or_says_where_it_is_wrong(tmp_path: Path):
    file = tmp_path / "truth.yaml"
    file.write_text("secret:\n", encoding="utf-8")
    assert load_ground_truth(file) == GroundTruth(secret=None)
    file.write_text("secret: x\nalias: [x]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"truth\.yaml:2:1: unknown key `alias`; did you mean `aliases`"):
        load_ground_truth(file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "secret: A\naliases: [a]\ntriger: B\n",
            r"truth\.yaml:3:1: unknown key `triger`; did you mean `trigger`\?",
        ),
        ("aliases: [a]\n", r"truth\.yaml:1:1: the key `secret` is missing"),
        ("secret: A\n", "comes with aliases"),
        ("secret: A\naliases: [' ']\n", "comes with aliases"),
        ("secret: null\naliases: [a]\n", "comes with aliases"),
        ("secret: null\ntrigger: B\ntrigger_aliases: [b]\n", "a trigger needs a secret"),
        ("secret: A\naliases: a\n", r"truth\.yaml:2:1: `aliases`"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text: str, expected: str):
    path = tmp_path / "truth.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=expected):
        load_ground_truth(path)


def sealed(tmp_path, evaluation: EvaluationSection | None) -> SealedConfig:
    return SealedConfig(model=None, hidden_system_prompt=None, evaluation=evaluation, folder=tmp_path)  # type: ignore[arg-type]


def test_the_truth_of_a_config(tmp_path):
    assert ground_truth_of(sealed(tmp_path, None)) is None
    inline = EvaluationSection(ground_truth={"secret": "A", "aliases": ["a"]})
    assert ground_truth_of(sealed(tmp_path, inline)) == GroundTruth(secret="A", aliases=["a"])
    (tmp_path / "truth.yaml").write_text("secret: null\n")
    beside = {"ground_truth_file": "truth.yaml"}
    in_file = EvaluationSection.model_validate(beside, context={"folder": tmp_path})
    assert ground_truth_of(sealed(tmp_path, in_file)) == GroundTruth(secret=None)
    wrong = EvaluationSection(ground_truth={"secret": "pumpkin", "alias": ["a"]})
    with pytest.raises(ConfigError, match=r"evaluation\.ground_truth") as caught:
        ground_truth_of(sealed(tmp_path, wrong))
    assert "pumpkin" not in str(caught.value)
