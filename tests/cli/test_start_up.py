"""What every command pays before it does anything."""

from __future__ import annotations

import subprocess
import sys


def loaded_of(names: tuple[str, ...], *, by: str) -> str:
    """Those of the modules that Python has once it has imported ``by``, as a list that it prints."""
    code = f"import sys, {by}\nprint([name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_command_starts_without_the_libraries_that_take_long():
    # nbformat takes a second: what checks addresses for it builds its grammar as it is imported.
    assert loaded_of(("nbformat", "torch", "modal", "mcp", "altair"), by="interp_bench_ext.cli") == "[]\n"


def test_a_run_without_claude_does_not_load_its_sdk():
    # A second, at each run of the offline agent.
    run = "interp_bench_ext.cli.investigate, interp_bench_ext.runs, interp_bench_ext.agent.tools"
    assert loaded_of(("sys", "anthropic"), by=run) == "['sys']\n"


def test_a_server_starts_without_what_only_a_client_or_a_model_needs():
    server = "interp_bench_ext.app, interp_bench_ext.handlers.desk"
    assert loaded_of(("mcp", "starlette", "torch"), by=server) == "[]\n"
