"""Texts that others wrote are shown, and not obeyed by the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.redteam.suite import Trial, attempt

HOSTILE = "claim\x1b]52;c;ZXZpbA==\x1b\\ \x1b[2J\x1b]0;title\x07\x9b31m\u202eback"
PROGRAM = """
import sys
from interp_bench_ext.cli.screen import complain, console, output, print_rows
from rich.progress import Progress

text = sys.argv[1]
output.print(text, markup=False, soft_wrap=True)
print_rows(["claim"], [[text]], cut=["claim"])
complain(text)
with Progress(console=console) as progress:
    progress.add_task("works", total=1)
    console.print(text)
print("planted:", text)
"""


@attempt("R22", "terminal", "Escape sequences in what an agent wrote reach the terminal of who reads it", veil="any")
def test_no_text_moves_the_cursor_or_fills_the_clipboard() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, HOSTILE], env=environment, capture_output=True, text=True, check=True
    )
    shown, _, planted = done.stdout.partition("planted:")
    trial = Trial(marks={})
    trial.abuse(lambda text: any(sign in text for sign in "\x1b\x9b\x07\u202e"), shown + done.stderr, planted)
    assert shown.count("claim") == 3
    assert "claim" in done.stderr
    assert "works" in done.stderr
