"""`interp-bench run --agent claude-code` as a person runs it, with a stand-in for the program."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from interp_bench_ext.record.events import HypothesisNoted, ProgramReported
from interp_bench_ext.record.journal import Journal
from tests.mcp.clients import environment, journal_of, secrets_in, write_configs
from tests.notebook.support import until
from tests.programs.standing_in import alive

CLAIM = "The model adores the quokka above everything else."
LOOK = "organism.sample(['hello', 'bye'], n=2, max_new_tokens=4)"
CALLS: list[list[Any]] = [
    ["run_cell", {"code": LOOK}],
    ["note_hypothesis", {"claim": CLAIM, "status": "open", "evidence": ["c3"]}],
    [
        "submit_findings",
        {"summary": "A quokka.", "findings": [{"claim": CLAIM, "evidence": ["c3"], "control": ["c3"]}]},
    ],
]
COMMAND = [sys.executable, "-m", "interp_bench_ext"]


@pytest.fixture
def there(stand_in, tmp_path):
    """A person's environment with the stand-in, and the config quokka."""
    write_configs(tmp_path)
    return environment(tmp_path) | {"PATH": f"{stand_in.parent}:{os.environ['PATH']}"}


def said(there: dict[str, str], *arguments: str, expect: int, **plan: Any) -> str:
    """What the command prints; an MCP client's calls are as in ``plan``."""
    folder = Path(there["HOME"]).parent
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=there | {"STAND_IN": json.dumps(plan), "COLUMNS": "200"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_program_investigates_from_the_command_to_the_score(there, tmp_path):
    note = str(tmp_path / "note")
    text = said(there, "run", "quokka", "--agent", "claude-code", expect=0, calls=CALLS, note=note)
    assert "agent claude-code 2.1.332" in text
    assert "client: Claude Code, its own tools switched off; the program itself is not confined" in text
    assert "the secret is named" in text
    assert "\x1b]0;owned" not in text
    noted = (tmp_path / "note").read_text()
    assert json.loads(noted)["environment"]["ANTHROPIC_API_KEY"] == "sk-test-marker"
    assert secrets_in([noted.replace("sk-test-marker", "")], tmp_path) == []

    shown = said(there, "show", "last", expect=0)
    assert "400 (Claude Code's own count)" in shown
    assert "$0.25 (Claude Code's own count)" in shown
    assert "sandboxed kernel; client: Claude Code, its own tools switched off" in shown
    assert "Claude Code 2.1.332" in shown
    outcome = json.loads(said(there, "show", "last", "--json", expect=0))
    assert outcome["agent"] == "claude-code 2.1.332"
    assert outcome["provenance"]["programs"] == ["Claude Code 2.1.332"]
    assert outcome["provenance"]["served_models"] == {"claude-scripted": 3}
    assert outcome["steps"] == 3
    report = Path(outcome["report"]).read_text(encoding="utf-8")
    assert "Claude Code, its own tools switched off" in report
    assert "Claude Code&#39;s own count" in report


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_in_a_new_session_and_one_without_findings_fails(there, tmp_path):
    started = subprocess.Popen(
        [*COMMAND, "run", "quokka", "--agent", "claude-code", "--json"],
        env=there | {"STAND_IN": json.dumps({"calls": CALLS[:2], "then": "hang", "brood": str(tmp_path / "pid")})},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal = wait_for_hypothesis(tmp_path)
    program = next(p for p in psutil.Process(started.pid).children(recursive=True) if "--print" in p.cmdline())
    started.send_signal(signal.SIGKILL)
    started.wait()
    asyncio.run(until(lambda: not alive(program.pid)))  # its guard ends it
    text = said(there, "resume", "last", expect=1, words="Enough for today.")
    assert "failed: Claude Code ended its session without submitting findings; it said: Enough for today." in text
    note = tmp_path / "note"
    text = said(there, "resume", "last", expect=0, calls=CALLS[2:], note=str(note))
    assert "the secret is named" in text
    assert f"- open: {CLAIM}" in json.loads(note.read_text())["told"]
    run = journal.runs()[0].id
    reports = [event for event in journal.events(run) if isinstance(event, ProgramReported)]
    assert [r.cost_usd for r in reports if r.cost_usd is not None] == [0.25, 0.25]
    journal.close()
    assert "not known" in said(there, "show", "last", expect=0)  # the session that was killed never said its cost


def wait_for_hypothesis(folder: Path) -> Journal:
    """The journal, once a hypothesis is noted in it."""
    file = folder / "data" / "interp_bench" / "journal.sqlite"

    def noted() -> bool:
        if not file.exists():
            return False
        journal = journal_of(folder)
        try:
            return any(journal.last(record.id, HypothesisNoted) for record in journal.runs())
        finally:
            journal.close()

    asyncio.run(until(noted, timeout_s=60))
    return journal_of(folder)
