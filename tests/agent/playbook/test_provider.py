from __future__ import annotations

import asyncio
import json

import pytest

from interp_bench_ext.agent.gate import _CHANGED
from interp_bench_ext.agent.playbook import PlaybookProvider
from interp_bench_ext.agent.provider import Prompt
from interp_bench_ext.errors import ProviderError
from interp_bench_ext.notebook.opening import SETUP
from interp_bench_ext.record.events import RunResumed, ToolReturned

from .test_protocol import STRONG, played, public, world


def test_the_provider_knows_a_skip_a_change_and_a_resume_from_the_record():
    """As the gate writes them down: the cell's id stays what the first line says."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "Begin."}]}]
    results = [
        ("noted", False),
        (f"[c1: ok, 1.0 s]\n1\n{_CHANGED.format(code='info = 1')}", False),
        ("[c2: error, 1.0 s]\nfailed", True),
    ]
    for text, is_error in results:
        block = {"type": "tool_result", "content": [{"type": "text", "text": text}], "is_error": is_error}
        messages.append({"role": "user", "content": [block]})
    returned = ToolReturned(tool_use_id="t", content=[], is_error=False)
    provider = PlaybookProvider.of(public(), 0, [returned, returned, returned, RunResumed()])
    assert provider.resumed_after == {3}
    reply = asyncio.run(provider.reply(Prompt(system="", messages=messages), max_tokens=1, emit=lambda event: None))
    assert reply.content[-1]["input"] == {"code": SETUP}
    messages += [{"role": "user", "content": [{"type": "tool_result", "content": [], "is_error": False}]}]
    reply = asyncio.run(provider.reply(Prompt(system="", messages=messages), max_tokens=1, emit=lambda event: None))
    assert reply.content[-1]["input"] == {"cell_id": "c1", "code": "info = 1"}


def test_the_provider_is_a_function_of_the_conversation():
    provider = PlaybookProvider(public(), 0)
    messages = [{"role": "user", "content": [{"type": "text", "text": "Begin."}]}]
    expected = played(public(), world(words=["ocean"], confirmed=STRONG))
    for call in expected:
        reply = asyncio.run(provider.reply(Prompt(system="", messages=messages), max_tokens=1, emit=lambda event: None))
        block = reply.content[-1]
        assert (block["name"], block["input"]) == (call.tool, call.arguments)
        facts = world(words=["ocean"], confirmed=STRONG)(call.arguments.get("code", ""))
        text = f"[c{len(messages) // 2 + 1}: ok, 1.0 s]\nfacts: {json.dumps(facts)}"
        result = {
            "type": "tool_result",
            "tool_use_id": block["id"],
            "content": [{"type": "text", "text": text}],
            "is_error": False,
        }
        messages += [{"role": "assistant", "content": reply.content}, {"role": "user", "content": [result]}]


def told(*results: str) -> list[dict]:
    """A conversation in which the calls so far came to these results."""
    blocks = [
        {"type": "tool_result", "content": [{"type": "text", "text": text}], "is_error": False} for text in results
    ]
    return [{"role": "user", "content": [block]} for block in blocks]


def next_call(messages: list[dict]) -> dict:
    provider = PlaybookProvider(public(), 0)
    reply = asyncio.run(provider.reply(Prompt(system="", messages=messages), max_tokens=1, emit=lambda event: None))
    return reply.content[-1]


UNTIL_FACTS = ("noted", "[c1: ok, 1.0 s]")


@pytest.mark.parametrize(
    ("printed", "asks"),
    [
        ('facts: {"chat_template": false}', "text_completion"),
        ('facts: {"chat_template": false}\nfacts: {"chat_template": true}', "sample"),
        ('more\nfacts: {"chat_template": false}\nafter it', "text_completion"),
        # What is no fact is none, whatever the organism has made the cell print.
        ("facts: {", "sample"),
        ("facts: [1]", "sample"),
        (' facts: {"chat_template": false}', "sample"),
    ],
)
def test_facts_are_the_last_line_of_them_that_the_cell_printed(printed: str, asks: str):
    call = next_call(told(*UNTIL_FACTS, f"[c2: ok, 1.0 s]\n{printed}"))
    assert f"organism.{asks}(prompts" in call["input"]["code"]


def test_a_conversation_that_goes_on_after_the_end_is_an_error():
    calls = played(public(), world())
    results = [f"[c{number}: ok, 1.0 s]" for number in range(len(calls) + 1)]
    with pytest.raises(ProviderError, match="the playbook has ended"):
        next_call(told(*results))
