"""What a config leaves open is never decided against what it says."""

from __future__ import annotations

import pytest

from interp_bench_ext.cli.investigate import overridden
from interp_bench_ext.config import AgentSection
from interp_bench_ext.errors import BadInput
from interp_bench_ext.models.key import Key
from interp_bench_ext.models.prices import DEFAULT_MODEL
from interp_bench_ext.runs.resolve import choose_agent
from tests.agent.playbook.test_protocol import public

KEY = Key(api_key="sk-test")


def chosen(key: Key | None, **agent: str) -> tuple[str | None, str | None]:
    found = choose_agent(public().model_copy(update={"agent": AgentSection.model_validate(agent)}), key)
    return found.provider, found.model


def test_claude_where_there_is_a_key_else_the_playbook_which_has_no_model():
    assert chosen(KEY) == ("anthropic", DEFAULT_MODEL)
    assert chosen(None) == ("playbook", None)
    assert chosen(KEY, provider="playbook", model="claude-opus-5-5") == ("playbook", None)
    assert chosen(None, model="own", base_url="http://localhost:8000") == ("anthropic", "own")


def test_a_model_without_its_key_is_refused_and_never_played_by_the_playbook():
    with pytest.raises(BadInput, match="claude-opus-5-5 needs a key: set ANTHROPIC_API_KEY, or leave out"):
        chosen(None, model="claude-opus-5-5")


@pytest.mark.parametrize("named", [{"provider": "playbook"}, {"provider": "playbook", "model": "claude-sonnet-5"}])
def test_whoever_names_a_model_does_not_get_the_playbook_that_the_config_names(named):
    section = AgentSection.model_validate(named)
    asked = section.led_by(None, "claude-opus-5-5")
    assert (asked.provider, asked.model) == (None, "claude-opus-5-5")
    with pytest.raises(BadInput, match="claude-opus-5-5 needs a key"):
        chosen(None, model=asked.model)


def test_another_agent_keeps_no_model_but_one_that_it_may_know():
    section = AgentSection(provider="claude-code", model="opus")
    assert section.led_by(None, None) == section
    assert section.led_by("codex", None).model is None
    assert section.led_by("anthropic", None).model == section.led_by("claude-code", None).model == "opus"
    assert section.led_by(None, "sonnet").provider == "claude-code"


def test_the_playbook_with_a_model_on_the_command_line_is_refused():
    with pytest.raises(BadInput, match="the playbook follows a protocol, without a model"):
        overridden(None, agent="playbook", model="claude-opus-5-5")  # type: ignore[arg-type]
