from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from interp_bench_ext.errors import ConfigError
from interp_bench_ext.scoring.ground_truth import GroundTruth, load_ground_truth


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
