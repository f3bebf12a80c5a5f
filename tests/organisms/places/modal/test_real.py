"""The whole job on the plane as a person has it: config, command line, notebook, kernel, and the real small model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from platformdirs import user_cache_dir

from interp_bench_ext.installed import config_folders
from interp_bench_ext.record.journal import Journal
from interp_bench_ext.sandbox.bubblewrap import sandbox_available
from tests.agent.messages_server import MessagesServer, Streamed, tool_use
from tests.organisms.places.modal.running import ROOT, TOKEN, RunningPlane, put_weights

REACH = """
import json, os, pathlib, socket
found = [name for name in os.environ if name.startswith("MODAL_")]
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        found += ["environ"] if b"MODAL_TOKEN" in (process / "environ").read_bytes() else []
    except OSError:
        pass
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
    found.append("network")
except OSError:
    pass
print("reached:", json.dumps(found))
"""


def submit(request: dict[str, Any]) -> Streamed:
    """An agent that asks the organism once, looks around, and is done."""
    turns = sum(message["role"] == "assistant" for message in request["messages"])
    calls = [
        ("run_cell", {"code": "organism.chat(['Hello'], max_new_tokens=8)"}),
        ("run_cell", {"code": REACH.format(port=submit.port)}),
        ("submit_findings", {"summary": "nothing", "findings": []}),
    ]
    return Streamed(content=[tool_use(*calls[min(turns, 2)], id=f"t{turns}")], stop_reason="tool_use")


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.skipif(sandbox_available() is not None, reason="bubblewrap does not work here")
def test_runs_on_modal_from_the_config_and_the_second_starts_warm(plane: RunningPlane, tmp_path: Path):
    put_weights(plane)
    configs = next(folder for folder in config_folders() if (folder / "cobalt.yaml").is_file())
    secret = (configs / "secrets" / "cobalt.txt").read_text(encoding="utf-8").strip()
    config = tmp_path / "cobalt.yaml"
    text = (configs / "cobalt.yaml").read_text(encoding="utf-8")
    for relative in ("secrets/", "ground_truth/"):
        text = text.replace(relative, f"{configs}/{relative}")
    config.write_text(text.replace("execution_mode: local", "execution_mode: modal"), encoding="utf-8")
    submit.port = int(plane.grpc.rpartition(":")[2])
    with MessagesServer(submit) as server:
        environment = {
            **os.environ,
            **plane.environment,
            "ANTHROPIC_API_KEY": "sk-test",
            "ANTHROPIC_BASE_URL": server.url,
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": str(ROOT),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "XDG_CACHE_HOME": str(Path(user_cache_dir()).resolve()),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        }
        first = investigate(config, environment)
        loaded, deploys = plane.count("containers started"), plane.count("deploys")
        second = investigate(config, environment)
    assert plane.count("containers started") == loaded
    assert plane.count("deploys") == deploys
    journal = Journal(tmp_path / "data" / "interp_bench" / "journal.sqlite")
    for summary, cold in ((first, True), (second, False)):
        events = [entry.event for entry in journal.entries(summary["run"])]
        stages = {event.stage for event in events if event.type == "organism_loading"}
        assert ("weights" in stages) is cold
        [ready] = [event for event in events if event.type == "organism_ready"]
        assert ready.device == "cpu"
        assert sum(event.busy_s for event in events if event.type == "organism_used") > 0
        notebook = Path(summary["notebook"]).read_text(encoding="utf-8")
        reached = [line for line in texts_of(notebook) if line.startswith("reached: ")]
        assert reached == ["reached: []"]
        everything = notebook + "".join(event.model_dump_json() for event in events)
        for sealed in (secret, "smollm2", *TOKEN):
            assert sealed not in everything


def investigate(config: Path, environment: dict[str, str]) -> Any:
    command = ["run", str(config), "--agent", "anthropic", "--model", "claude-opus-5-5", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "interp_bench_ext", *command],
        env=environment,
        cwd=config.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def texts_of(notebook: str) -> list[str]:
    cells = nbformat.reads(notebook, 4).cells
    return [
        line for cell in cells for output in cell.get("outputs", []) for line in output.get("text", "").splitlines()
    ]
