from __future__ import annotations

import pytest

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.arguments import checked_arguments
from interp_bench_ext.host.technique_files import load_techniques
from tests.techniques.support import FOLDER


def test_arguments_are_converted_and_complaints_are_one_sentence() -> None:
    found = load_techniques([FOLDER / "chat.py", FOLDER / "user_persona.py"])
    chat = found["chat"]
    given = {"prompts": [{"role": "user", "content": "a"}], "temperature": 1}
    assert checked_arguments(chat, given, Access.SAMPLE) == given
    for prompts in ("a", ["a", "b"], [[{"role": "user", "content": "a"}]]):
        assert checked_arguments(chat, {"prompts": prompts}, Access.SAMPLE) == {"prompts": prompts}
    with pytest.raises(BadInput, match="'prompts' should be Prompts, not 3"):
        checked_arguments(chat, {"prompts": 3}, Access.SAMPLE)
    with pytest.raises(BadInput, match="'n' should be int"):
        checked_arguments(chat, {"prompts": "a", "n": 1.5}, Access.SAMPLE)
    with pytest.raises(BadInput, match="'context' should be"):
        checked_arguments(found["user_persona"], {"context": "hello"}, Access.SAMPLE)


def test_unknown_and_missing_arguments_are_named() -> None:
    found = load_techniques([FOLDER / "chat.py", FOLDER / "get_model_info.py"])
    with pytest.raises(BadInput, match="chat has no argument 'promts'; did you mean `prompts`"):
        checked_arguments(found["chat"], {"promts": "a"}, Access.SAMPLE)
    with pytest.raises(BadInput, match="chat needs the argument prompts"):
        checked_arguments(found["chat"], {}, Access.SAMPLE)
    with pytest.raises(BadInput, match="get_model_info takes no arguments"):
        checked_arguments(found["get_model_info"], {"n": 1}, Access.SAMPLE)
