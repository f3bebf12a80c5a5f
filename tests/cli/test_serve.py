from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.cli.serve import _argument, _published, _run
from interp_bench_ext.config import load_config
from interp_bench_ext.contracts import Connection
from interp_bench_ext.errors import BadInput

CONNECTION = Connection("unix:///run/o.sock", "the-token")


@pytest.mark.parametrize(
    ("entry", "name", "value"),
    [
        ("n=3", "n", 3),
        ("prompt=Who are you?", "prompt", "Who are you?"),
        ('prompts=["a", "b"]', "prompts", ["a", "b"]),
        ("raw=true", "raw", True),
        ("target=a=b", "target", "a=b"),
        ("target=", "target", ""),
        ('text="3"', "text", "3"),
    ],
)
def test_a_value_is_json_or_else_text(entry: str, name: str, value: Any):
    assert _argument(entry) == (name, value)


def test_an_argument_without_a_value_is_one_sentence():
    with pytest.raises(BadInput, match="^--arg prompt: write it as name=value$"):
        _argument("prompt")


def test_a_plain_kernel_finds_it_while_it_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    config = tmp_path / "x.yaml"
    config.write_text("experiment_name: fern\nmodel: {name: a/b, execution_mode: local}\ntask: t\n")
    folder = tmp_path / "runtime" / "interp_bench"
    with _published(CONNECTION, load_config(config)):
        [file] = folder.iterdir()
        assert json.loads(file.read_text()) == {"url": CONNECTION.url, "token": "the-token", "experiment": "fern"}
        assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(folder.iterdir()) == []


def test_a_command_has_the_organism_in_its_environment_and_its_own_exit_code():
    code = "import os, sys; sys.exit(5 if os.environ['INTERP_BENCH_TOKEN'] == 'the-token' else 1)"
    assert asyncio.run(_run([sys.executable, "-c", code], CONNECTION)) == 5


def test_a_command_that_is_not_there_is_one_sentence():
    with pytest.raises(BadInput, match=r"^no-such-command: cannot be run \(No such file or directory\)$"):
        asyncio.run(_run(["no-such-command"], CONNECTION))
