from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from . import samples


def test_the_text_gives_likely_tokens_and_whole_targets():
    text = str(samples.token_probs())
    assert "␣Paris 0.620" in text
    assert "target ␣Marseille (␣Mars|eille): p 1e-04, log p -9.20 nats, first token rank 412" in text


def test_the_table_has_the_likely_tokens_then_the_targets():
    table = samples.token_probs().table()
    assert table.kind.tolist() == ["top"] * 8 + ["target"] * 2
    targets = table.query("kind == 'target'")
    assert targets["first_token_rank"].tolist() == [1, 412]
    assert targets["tokens"].tolist() == [1, 2]
    assert targets["p"].tolist() == pytest.approx(np.exp([-0.478, -9.2]), rel=1e-5)


def test_a_prefill_is_said_wherever_the_result_is_shown():
    result = dataclasses.replace(samples.token_probs(), prefill="My secret is")
    assert "  prefill: My secret is" in str(result).splitlines()
    assert "My secret is" in result.outputs()[1]["text/html"]
    subtitles = [panel["title"]["subtitle"] for panel in result.plot().to_dict()["concat"]]
    assert all("next token after “My secret is”" in subtitle for subtitle in subtitles)
    assert "prefill" not in str(samples.token_probs())


def test_a_target_whose_bar_is_too_short_to_see_is_told_by_the_colour_of_its_number():
    spec = samples.token_probs().plot().to_dict()
    panel, rows = spec["concat"][0], spec["data"]["values"]
    assert [row["label"] for row in rows if row["target"]] == ["␣Paris", "␣Marseille"]
    ink = panel["layer"][1]["encoding"]["color"]
    assert ink["condition"]["test"] == "datum.target > 0"
    assert ink["condition"]["value"] != ink["value"]
