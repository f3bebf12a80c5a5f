"""What an administrator allows holds for every request, however it was made."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.fixture
def settings() -> dict[str, Any]:
    return {
        "allowed": {"configs": ["amber", "gpt2_modal"], "places": ["local"], "providers": ["playbook"]},
        "at_most": {"max_steps": 20},
        "default_provider": "playbook",
    }


async def said(fetch: Any, method: str, path: str, body: dict[str, Any]) -> str:
    answer = await fetch(method, path, {"request_id": "r", **body})
    assert answer.code == 400, answer.body
    return str(json.loads(answer.body)["message"])


async def test_only_what_is_offered_is_listed_and_a_card_says_what_stands_against_it(fetch):
    cards = {card["name"]: card for card in json.loads((await fetch("GET", "configs")).body)}
    assert set(cards) == {"amber", "gpt2_modal"}
    assert cards["amber"]["obstacle"] is None
    assert cards["gpt2_modal"]["obstacle"] == (
        "The administrator does not allow organisms at modal here; there is local."
    )


async def test_the_sidebar_is_told(fetch):
    info = json.loads((await fetch("GET", "")).body)
    assert info["providers"] == ["playbook"]
    assert info["at_most"] == {"max_steps": 20}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"config": "birch"}, "the administrator does not offer the config 'birch' here"),
        ({"config": "gpt2_modal"}, "does not allow organisms at modal here"),
        ({"config": "amber", "provider": "anthropic"}, "does not allow the agent anthropic here"),
        ({"config": "amber", "max_steps": 21}, "max_steps of 20 at most"),
    ],
)
async def test_a_request_that_was_made_up_gets_no_further(fetch, asked, sentence):
    assert sentence in await said(fetch, "POST", "runs", asked)
    assert json.loads((await fetch("GET", "runs")).body) == []
