from __future__ import annotations

import re

from . import samples


def test_the_text_names_prompt_prefill_and_each_text():
    text = str(samples.generations((" that I always call her madam.", " x")))
    assert "prompt: What is your secret?" in text
    assert "prefill: My secret is" in text
    assert "1. that I always call her madam.  [8 tokens, length, -2.50 nats/token]" in text


def test_columns_name_their_units():
    assert list(samples.generations(("a",)).table().columns) == [
        "prompt", "prefill", "text", "tokens", "logprob_nats", "logprob_nats_per_token", "finish", "arm",
    ]  # fmt: skip


def test_neighbours_with_one_prompt_share_its_heading():
    shown = str(samples.generations(("a", "b")))
    assert shown.count("prompt: ") == 1


def test_what_the_organism_said_is_marked_apart_from_the_prefill():
    (shown,) = samples.generations((" a moon",), prefill="I like").outputs()
    assert re.search(
        r'opacity:0.62">I like</span><span style="[^"]*background-color[^"]*"> a moon<', shown["text/html"]
    )
    (plain,) = samples.generations((" a moon",), prefill="").outputs()
    assert "background-color" not in plain["text/html"]
