from __future__ import annotations

from typing import Any

import anthropic
import httpx
import pytest

from interp_bench_ext.agent.server_said import Said


def said(body: Any) -> Said:
    response = httpx.Response(400, request=httpx.Request("POST", "http://127.0.0.1/v1/messages"))
    return Said.by(anthropic.APIStatusError("", response=response, body=body))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"type": "error", "error": {"type": "x", "message": "It is\n too   bad."}}, "It is too bad"),
        ({"error": "model not found"}, "model not found"),
        ({"message": "Denied"}, "Denied"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": {"error": {"message": "Deep"}}}, "Deep"),
        (
            {"detail": [{"loc": ["body", "messages", 0], "msg": "field required"}, "second", {"loc": 1}]},
            "body.messages.0: field required; second",
        ),
        ("plain words", "plain words"),
        ("<html><head><title lang=x>502 Bad\nGateway</title></head><body>nginx</body></html>", "502 Bad Gateway"),
        ({"error": {"code": 7}}, ""),
        (None, ""),
        ([1, 2], ""),
    ],
)
def test_its_words_are_found_in_every_shape(body: Any, sentence: str):
    assert said(body).sentence == sentence


@pytest.mark.parametrize(
    "key", ["sk-ant-api03-abcdef", "Bearer abc.def-ghi", "bearer  xyz", "AKIAABCDEFGHIJKL", "ASIA0123456789AB"]
)
def test_a_key_is_never_repeated(key: str):
    sentence = said({"message": f"The key {key} is wrong"}).sentence
    assert key not in sentence
    assert sentence == "The key \u2026 is wrong"


def test_a_long_answer_is_cut():
    assert len(said("word " * 1_000).sentence) <= 300


def test_as_the_end_of_a_sentence_it_has_one_full_stop():
    assert said({"message": "Too bad."}).text == "Too bad."
    assert said({"message": "Really?"}).text == "Really?"
    assert said(None).text == "no reason given."


@pytest.mark.parametrize(
    "words",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Input is too long for requested model",
        "This model's maximum context length is 4096 tokens",
        "the request exceeds the available context size",
        "the input length exceeds the context window",
        "The input token count (33000) exceeds the maximum",
        "Please reduce the length of the messages",
    ],
)
def test_a_conversation_that_does_not_fit_is_known(words: str):
    assert said({"message": words}).too_long
    assert not said({"message": words}).no_credit


def test_codes_tell_too_wherever_they_stand():
    for body in (
        {"error": {"message": "No.", "code": "context_length_exceeded"}},
        {"error": {"message": "No.", "details": {"error_code": "context_window_exceeded"}}},
    ):
        assert said(body).too_long
    assert said({"error": {"message": "No.", "type": "insufficient_quota"}}).no_credit
    assert not said({"error": {"message": "No.", "code": 400}}).too_long


def test_what_is_used_up_is_told_from_what_is_busy():
    assert said({"message": "Your credit balance is too low to access the Anthropic API"}).no_credit
    assert said({"message": "You exceeded your current quota"}).no_credit
    for words in ("Overloaded", "Number of requests has exceeded your rate limit", "max_tokens: 9 is too large"):
        assert (said({"message": words}).no_credit, said({"message": words}).too_long) == (False, False)
