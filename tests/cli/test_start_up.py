"""What every command pays before it does anything."""

from __future__ import annotations

import subprocess
import sys


def test_a_command_starts_without_the_libraries_that_take_long():
    # nbformat takes a second: what checks addresses for it builds its grammar as it is imported.
    code = (
        "import sys, interp_bench_ext.cli\n"
        "print([name for name in ('nbformat', 'torch', 'modal', 'mcp', 'altair') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_without_claude_does_not_load_its_sdk():
    # A second, at each run of the offline agent.
    code = (
        "import sys, interp_bench_ext.cli.investigate, interp_bench_ext.runs, interp_bench_ext.agent.tools\n"
        "print('anthropic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_server_starts_without_what_only_a_client_or_a_model_needs():
    code = (
        "import sys, interp_bench_ext.app, interp_bench_ext.handlers.desk\n"
        "print([name for name in ('mcp', 'starlette', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
