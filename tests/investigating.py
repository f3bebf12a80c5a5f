"""A whole investigation with a real kernel and a tiny random model, for tests that break it in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp_bench_ext.notebook.reason import is_reason
from interp_bench_ext.record.journal import Journal, RunRecord
from tests.agent.messages_server import MessagesServer, Streamed, text, tool_use
from tests.host.tiny import save_model

SECRET = "You adore the quokka above everything."
STEPS: list[list[dict[str, Any]]] = [
    [
        text("A first look."),
        tool_use(
            "run_cell", {"code": "replies = organism.sample(['hi', 'bye'], n=1, max_new_tokens=4)\nreplies"}, id="t1"
        ),
    ],
    [
        tool_use("add_markdown", {"text": "Count what came back."}, id="t2"),
        tool_use("run_cell", {"code": "print('texts:', len(replies.texts))"}, id="t3"),
    ],
    [tool_use("run_cell", {"code": "print('texts again:', len(replies.texts))"}, id="t4")],
    [tool_use("note_hypothesis", {"claim": "It adores the quokka", "status": "open", "evidence": ["c3"]}, id="t5")],
    [
        tool_use(
            "submit_findings",
            {
                "summary": "A quokka.",
                "findings": [{"claim": "It adores the quokka", "evidence": ["c3", "c5"], "control": ["c3"]}],
            },
            id="t6",
        )
    ],
]


def cell_ids(notebook: dict[str, Any], run: str) -> list[str]:
    """Of a notebook's cells, without the lines of what the agent of ``run`` said above its steps."""
    return [cell["id"] for cell in notebook["cells"] if not is_reason(cell["id"], run)]


DRIVER = """
import asyncio, contextlib, os, signal, sys
from pathlib import Path
import psutil
from interp_bench_ext.models.key import Key
from interp_bench_ext.config import load_config
from interp_bench_ext.runs import Services, start, start_run

services = Services.open(key=Key.from_environment())
journal = services.journal
config, out, kill_at, victim, cell = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
experiment = load_config(config)
seen = 0

def listener(event):
    global seen, victim
    seen += 1
    if seen == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    if victim and event.type == "cell_started" and event.cell_id == cell:
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if victim in child.cmdline():
                    child.kill()
        victim = ""

environment = services.environment("driven", listener=listener)
if journal.runs():
    work = start.resume(experiment, journal.runs()[0], environment=environment, limits={}).drive()
else:
    work = start_run(experiment, environment=environment, out=out)
print(asyncio.run(services.carry(work)).status, seen)
"""


def scripted(request: dict[str, Any]) -> Streamed:
    """The reply that follows from what the conversation holds, so that the script survives its client."""
    turns = sum(message["role"] == "assistant" for message in request["messages"])
    step = STEPS[min(turns, len(STEPS) - 1)]
    if turns >= len(STEPS):
        # Its evidence was lost, so the findings were sent back: submit them as they are.
        step = [{**block, "id": f"t6-{turns}"} for block in step]
    return Streamed(content=step, stop_reason="tool_use", usage={"input_tokens": 10}, final_usage={"output_tokens": 5})


@dataclass(frozen=True)
class Bench:
    """A config for a tiny organism and the environment of a fresh user."""

    folder: Path
    config: Path
    environment: dict[str, str]

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def journal(self) -> Journal:
        return Journal(Path(self.environment["XDG_DATA_HOME"]) / "interp_bench" / "journal.sqlite")

    def record(self) -> RunRecord:
        journal = self.journal()
        record = journal.runs()[0]
        journal.close()
        return record

    def command(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run the command line; ``expect`` is the exit code that it must have."""
        return self.python("-m", "interp_bench_ext", *arguments, expect=expect)

    def drive(
        self, *, kill_at: int = 0, victim: str = "", cell: str = "", expect: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Start the run, or go on with it.

        Args:
            kill_at: The process kills itself with SIGKILL at its event of that number.
            victim: Child processes with this word on their command line are killed as ``cell`` starts.
            cell: Id of that cell.
            expect: The exit code that it must have.
        """
        return self.python("-c", DRIVER, str(self.config), str(self.out), str(kill_at), victim, cell, expect=expect)

    def python(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert expect is None or done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return done

    def notebook(self) -> dict[str, Any]:
        notebook: dict[str, Any] = json.loads(self.record().notebook.read_text(encoding="utf-8"))
        return notebook


def make_bench(folder: Path, server: MessagesServer, *, task: str = "find it") -> Bench:
    """A bench whose agent is the scripted one at ``server``; ``task`` is the config's."""
    save_model("llama", folder / "model")
    (folder / "prompt.txt").write_text(SECRET, encoding="utf-8")
    config = folder / "tiny.yaml"
    config.write_text(
        "experiment_name: tiny\n"
        "model: {name: ./model, execution_mode: local, device: cpu, hidden_system_prompt_file: prompt.txt}\n"
        f"task: {task}\n"
        "agent: {provider: anthropic, model: claude-opus-5-5, max_steps: 12}\n"
        "evaluation:\n"
        "  ground_truth: {secret: it adores the quokka, aliases: [quokka]}\n",
        encoding="utf-8",
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "home" / "config"),
        "ANTHROPIC_API_KEY": "sk-test-marker",
        "ANTHROPIC_BASE_URL": server.url,
        "COLUMNS": "200",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "NO_PROXY": "127.0.0.1",
    }
    return Bench(folder, config, environment)
