from __future__ import annotations

from . import more_samples


def test_points_are_means_of_each_arm_and_dose_the_arm_in_question_first():
    result = more_samples.dose_response()
    points = [(name, dose, len(rows)) for name, dose, rows in result._curve()]
    assert points[:2] == [("steered", 0.0, 2), ("steered", 2.0, 2)]
    assert points[4][0] == "random direction"
    assert "       2  steered                0.500" in str(result)
    assert result.table().groupby(["arm", "dose"]).effect.mean()["steered", 8.0] == 1
