from __future__ import annotations

import numpy as np

from . import samples


def test_the_text_names_the_tokens_that_are_furthest_apart():
    text = str(samples.token_diff())
    assert "␣lady 6.10" in text
    assert "␣lady +0.3100" in text


def test_a_row_of_the_table_is_a_reply_token():
    diff = samples.token_diff()
    table = diff.table()
    assert table.token.tolist() == list(diff.tokens)
    assert table.prompt.tolist() == [diff.prompts[row] for row in diff.rows]
    assert table.kl_nats.idxmax() == int(np.argmax(diff.kl))


def test_the_chart_shows_what_stood_before_a_token():
    apart = samples.token_diff().plot().to_dict()["concat"][1]["data"]["values"]
    assert apart[0]["label"].endswith("dear [␣lady]")


def test_the_replies_coloured_by_their_divergence_stand_open_above_the_charts():
    texts, charts = samples.token_diff().outputs()
    assert texts["text/html"].startswith("<div")
    assert texts["text/html"].index("KL 6.10 nats") < texts["text/html"].index("tokens that gained most")
    assert "text/html" not in charts
    assert "image/png" in charts
