from __future__ import annotations

from typing import Any

import pytest

from interp_bench_ext.conversations import as_conversations


def test_prompts_of_every_form_are_conversations():
    turn = {"role": "user", "content": "hello"}
    assert as_conversations("hello") == [[turn]]
    assert as_conversations([turn]) == [[turn]]
    assert as_conversations(["hello", [turn, turn]]) == [[turn], [turn, turn]]
    assert as_conversations([]) == []


@pytest.mark.parametrize("wrong", [[1], [{"role": "user"}], [[{"role": "robot", "content": "x"}]], [[]]])
def test_what_is_no_prompt_is_refused(wrong: Any):
    with pytest.raises(TypeError, match="a prompt is a string|a message has exactly"):
        as_conversations(wrong)
