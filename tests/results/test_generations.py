from __future__ import annotations

import re

from interp_bench_ext.results.generations import Generations

from . import samples


def test_the_text_names_prompt_prefill_and_each_text():
    text = str(samples.generations((" that I always call her madam.", " x")))
    assert "prompt: What is your secret?" in text
    assert "prefill: My secret is" in text
    assert "1. that I always call her madam.  [8 tokens, length, -2.50 nats/token]" in text


def test_columns_name_their_units():
    assert list(samples.generations(("a",)).table().columns) == [
        "prompt", "prefill", "thinking", "text", "tokens", "logprob_nats", "logprob_nats_per_token", "finish", "arm",
    ]  # fmt: skip


def test_thinking_stands_apart_from_the_reply_folded_away():
    thoughts = {"thinking": ("They ask <b>.", ""), "texts": ("", "Fine.")}
    result = Generations(**{**samples.generations(("a", "b")).__dict__, **thoughts})
    assert "  1. thought: They ask <b>.\n  1.   [8 tokens, length, cut off in thought," in str(result)
    assert "  2. Fine.  [" in str(result)
    (output,) = result.outputs()
    html = output["text/html"]
    assert html.count("<details>") == 1
    assert html.index(">Thinking</summary>") < html.index("They ask &lt;b&gt;.</span></details>") < html.index("Fine.")
    assert result.table()["thinking"].tolist() == ["They ask <b>.", ""]
    assert "<details>" not in samples.generations(("a",)).outputs()[0]["text/html"]


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


def test_a_person_reads_that_a_text_was_cut_and_a_minus_that_is_one():
    shown = samples.generations(("a", "b"))
    html = shown.outputs()[0]["text/html"]
    assert "1 · cut at 8 tokens, \N{MINUS SIGN}2.50 nats/token" in html
    assert "2 · 9 tokens, \N{MINUS SIGN}0.44 nats/token" in html
    assert "[8 tokens, length, -2.50 nats/token]" in str(shown)


def test_without_a_prompt_that_is_said():
    (alone,) = samples.generations(("a",), prompt="").outputs()
    assert ">no prompt<" in alone["text/html"]


def test_six_texts_are_seen_and_the_rest_is_folded():
    (output,) = samples.generations(tuple(f"text{number}." for number in range(9))).outputs()
    before, folded = output["text/html"].split("<details>")
    assert [f"text{number}." in before for number in range(9)] == [True] * 6 + [False] * 3
    assert [f"text{number}." in folded for number in range(9)] == [False] * 6 + [True] * 3
    assert ">3 more texts</summary>" in folded


def test_one_point_has_room_on_both_sides():
    one = samples.generations((" Yes.",))
    low, high = one.plot().to_dict()["encoding"]["x"]["scale"]["domain"]
    assert low < float(one.logprobs[0] / one.n_tokens[0]) < high


def test_texts_that_are_all_alike_say_so():
    assert "all alike" not in str(samples.generations((" Yes.", " No.")))
    assert "4 texts from the organism, 1 prompt, all alike" in str(samples.generations((" Yes.",) * 4))
