from __future__ import annotations

from . import more_samples


def test_candidates_above_the_controls_band_are_said_to_be():
    result = more_samples.candidate_scores()
    assert "2 above the band of controls" in repr(result)
    assert result.table().above_band.tolist() == [True, True, False, False, False]
    assert str(result).count("  above the band") == 2
