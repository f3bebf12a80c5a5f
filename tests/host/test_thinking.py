"""Reasoning templates, each as its makers write it but for the length, beside plain `apply_chat_template`."""

from __future__ import annotations

from typing import Any

import pytest

from interp_bench_ext.conversations import Message, Thinking
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.chat_format import ChatFormat
from tests.host.tiny import CHATML, HIDDEN, build_tokenizer

_TURN = "<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1].lstrip('\n') }}<|im_end|>\n"
_LOOP = "{% for m in messages %}" + _TURN + "{% endfor %}"
SWITCH = (
    _LOOP + "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and "
    "enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""Qwen3: the model writes <think> itself."""
SWITCH_OPENS = (
    _LOOP + "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and "
    "enable_thinking is false %}<think>\n\n</think>\n\n{% else %}<think>\n{% endif %}{% endif %}"
)
"""Qwen3.5: the template writes <think>."""
ALWAYS = _LOOP + "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
"""DeepSeek-R1's distilled models: no switch."""
NO_THINK_IN_SYSTEM = (
    "<|im_start|>system\nMode: {{ '/no_think' if enable_thinking is defined and not enable_thinking else '/think' }}\n"
    "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}<|im_end|>\n"
    "{% for m in messages if m.role != 'system' %}" + _TURN + "{% endfor %}{% if add_generation_prompt %}"
    "<|im_start|>assistant\n{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n{% endif %}"
    "{% endif %}"
)
"""SmolLM3: the switch changes the system turn as well."""
CHANNELS = (
    "{% for m in messages %}<|start|>{{ m.role }}{% if m.role == 'assistant' %}<|channel|>final{% endif %}<|message|>"
    "{{ m.content }}{{ '<|return|>' if loop.last else '<|end|>' }}{% endfor %}"
    "{# thinking is written as <|start|>assistant<|channel|>analysis<|message|> #}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
"""gpt-oss."""
ASKED: list[Message] = [{"role": "user", "content": "what is the weather?"}]
CLOSED = "<think>\n\n</think>\n\n"


def plainly(template: str, **options: Any) -> str:
    return str(
        build_tokenizer(template).apply_chat_template(ASKED, tokenize=False, add_generation_prompt=True, **options)
    )


def render(template: str, thinking: Thinking, prefill: str = "", hidden: str = "") -> str:
    chat = ChatFormat(build_tokenizer(template))
    before = chat.hide(hidden) if hidden else ""
    return before + chat.render(ASKED, prefill=prefill, next_role="assistant", base=False, thinking=thinking)


@pytest.mark.parametrize("template", [CHATML, SWITCH, SWITCH_OPENS, ALWAYS, NO_THINK_IN_SYSTEM, CHANNELS])
def test_keep_is_what_the_template_writes(template: str) -> None:
    assert render(template, "keep") == plainly(template)


@pytest.mark.parametrize("template", [SWITCH, SWITCH_OPENS, NO_THINK_IN_SYSTEM])
def test_off_is_the_templates_own_switch(template: str) -> None:
    assert render(template, "off", "Yes") == plainly(template, enable_thinking=False) + "Yes"


@pytest.mark.parametrize(
    ("template", "ending"),
    [
        (SWITCH, CLOSED),
        (SWITCH_OPENS, CLOSED.removeprefix("<think>\n")),
        (ALWAYS, CLOSED.removeprefix("<think>\n")),
        (NO_THINK_IN_SYSTEM, "<think>\n\n</think>\n"),
        (CHANNELS, "<|channel|>final<|message|>"),
    ],
)
def test_close_begins_the_reply_after_the_thinking(template: str, ending: str) -> None:
    assert render(template, "close", "My secret") == plainly(template) + ending + "My secret"
    system = [{"role": "system", "content": HIDDEN}, *ASKED]
    whole = build_tokenizer(template).apply_chat_template(system, tokenize=False, add_generation_prompt=True)
    assert render(template, "close", "My secret", hidden=HIDDEN) == f"{whole}{ending}My secret"


@pytest.mark.parametrize("thinking", ["keep", "close", "off"])
def test_nothing_changes_where_the_template_knows_no_thinking(thinking: Thinking) -> None:
    assert render(CHATML, thinking, "Yes") == plainly(CHATML) + "Yes"
    chat = ChatFormat(build_tokenizer(CHATML))
    assert chat.split_thinking("<think>a</think>b", prefill="", thinking=thinking) == ("", "<think>a</think>b")


def test_what_cannot_be_switched_off_is_refused() -> None:
    with pytest.raises(BadInput, match="cannot leave thinking out: use thinking='close'"):
        render(ALWAYS, "off")
    with pytest.raises(BadInput, match="this organism does not take: use thinking='close'"):
        render(NO_THINK_IN_SYSTEM, "off", hidden=HIDDEN)


@pytest.mark.parametrize(
    ("template", "text", "thinking", "prefill", "parts"),
    [
        (ALWAYS, "so\nit is</think>\n\nFine.", "keep", "", ("so\nit is", "Fine.")),
        (ALWAYS, "so it", "keep", "", ("so it", "")),
        (ALWAYS, "Fine.", "close", "", ("", "Fine.")),
        (ALWAYS, " is fine.", "close", "It", ("", " is fine.")),
        (ALWAYS, " ask</think>Fine.", "keep", "They", ("ask", "Fine.")),
        (ALWAYS, " Fine.", "keep", "They ask</think>", ("", " Fine.")),
        (SWITCH, "<think>\nso\n</think>\n\nFine.", "keep", "", ("so", "Fine.")),
        (SWITCH, "Fine.", "keep", "", ("", "Fine.")),
        (SWITCH, "Fine.", "off", "", ("", "Fine.")),
        (SWITCH_OPENS, "Fine.", "off", "", ("", "Fine.")),
        (SWITCH_OPENS, "so</think>Fine.", "keep", "", ("so", "Fine.")),
        (
            CHANNELS,
            "<|channel|>analysis<|message|>so<|end|><|start|>assistant<|channel|>final<|message|>Fine.",
            "keep",
            "",
            ("so", "Fine."),
        ),
    ],
)
def test_thinking_is_kept_apart(template: str, text: str, thinking: Thinking, prefill: str, parts: Any) -> None:
    chat = ChatFormat(build_tokenizer(template))
    assert chat.split_thinking(text, prefill=prefill, thinking=thinking) == parts
