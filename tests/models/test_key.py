from __future__ import annotations

import pickle

import pytest

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.models.key import Key

from ..agent.asking import SECRET


def test_the_key_leaves_the_environment_and_prints_as_nothing():
    environ = {"ANTHROPIC_API_KEY": SECRET, "ANTHROPIC_AUTH_TOKEN": "token-1", "HOME": "/"}
    key = Key.from_environment(environ)
    assert environ == {"HOME": "/"}
    assert SECRET not in repr(key)
    assert SECRET not in repr(AnthropicProvider(key=key))
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert Key.from_environment(environ) is None
    assert isinstance(Key.from_environment({"ANTHROPIC_AUTH_TOKEN": "token-1"}), Key)
