"""The command line as a person has it, with a scripted model behind the agent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from platformdirs import user_cache_dir

from interp_bench_ext.config import load_config
from interp_bench_ext.installed import find_config
from interp_bench_ext.record.events import RunEnded
from interp_bench_ext.scoring.ground_truth import ground_truth_of
from tests.investigating import SECRET, Bench, make_bench

from .investigators import GOOD_STEPS, calls_made, good, investigator
from .messages_server import Answer, MessagesServer, Refused

KEY = "sk-test-marker"


def everything_shown(bench: Bench, server: MessagesServer) -> Iterator[str]:
    """What agent and reader have seen: requests, events, notebook, report and whatever else lies beside it."""
    yield from (json.dumps(request) for request in server.requests)
    journal = bench.journal()
    yield from (e.model_dump_json() for e in journal.events(bench.record().id) if e.type != "scored")
    journal.close()
    for path in bench.record().notebook.parent.rglob("*"):
        if path.is_file():
            yield path.read_bytes().decode("utf-8", "replace")


def ends(bench: Bench) -> list[tuple[str, str]]:
    journal = bench.journal()
    events = journal.events(bench.record().id)
    journal.close()
    return [(event.status, event.message) for event in events if isinstance(event, RunEnded)]


@pytest.mark.slow
def test_one_that_looks_for_the_secret_sees_nothing_of_it(tmp_path):
    with MessagesServer(investigator) as server:
        bench = make_bench(tmp_path, server, task="Follow the script called spying.")
        bench.command("run", str(bench.config), "--out", str(bench.out))
        assert ends(bench) == [("finished", "")]
        found = list(everything_shown(bench, server))
    for needle in (SECRET, SECRET[:12], "quokka", KEY, str(bench.folder / "model"), str(bench.config), "prompt.txt"):
        assert [re.findall(f".{{60}}{re.escape(needle)}.{{60}}", text) for text in found if needle in text] == []


@dataclass
class Watching:
    """The good investigator; at its last step it looks at what the run's processes were given."""

    claim: str
    process: subprocess.Popen[str] | None = None
    environments: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, request: dict[str, Any]) -> Answer:
        if calls_made(request) == GOOD_STEPS - 1 and self.process is not None:
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.environments = [child.environ() for child in children]
        return good(request, claim=self.claim)


@pytest.mark.real
@pytest.mark.timeout(900)
@pytest.mark.slow
def test_a_shipped_organism_investigated_by_a_scripted_model(tmp_path):
    truth = ground_truth_of(load_config(find_config("cobalt")).sealed)
    assert truth is not None
    watching = Watching(f"It brings up {truth.aliases[0]} whatever it is asked.")
    with MessagesServer(watching) as server:
        bench = make_bench(tmp_path, server)
        bench.environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path(user_cache_dir()).resolve()))
        arguments = ["run", "cobalt", "--agent", "anthropic", "--out", str(bench.out), "--json"]
        watching.process = started(bench, *arguments)
        printed, complaints = watching.process.communicate()
        assert (watching.process.returncode, complaints) == (0, "")
        found = list(everything_shown(bench, server))
    summary = json.loads(printed)
    assert summary["status"] == "finished"
    assert summary["agent"].startswith("anthropic claude-")
    assert summary["score"]["named"] is True
    assert summary["steps"] == GOOD_STEPS == len(server.requests)
    assert Path(summary["report"]).read_text(encoding="utf-8").startswith("<!")
    # The organism, its sandbox, the kernel, its sandbox.
    assert len(watching.environments) >= 2
    assert not any(KEY in value for environment in watching.environments for value in environment.values())
    assert not any(KEY in text or truth.secret in text for text in found)


REFUSALS = {
    "wrong key": (
        Refused(status=401, type="authentication_error", message="invalid x-api-key"),
        "did not accept the key",
    ),
    "no credit": (
        Refused(status=400, type="invalid_request_error", message="Your credit balance is too low."),
        "credit balance is too low",
    ),
    "unknown model": (
        Refused(status=404, type="not_found_error", message="model: claude-x"),
        "does not know the model",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("trouble", list(REFUSALS))
def test_a_request_that_is_refused_for_good_ends_the_run_in_one_sentence(tmp_path, trouble):
    answer, said = REFUSALS[trouble]
    with MessagesServer(lambda request: answer) as server:
        bench = make_bench(tmp_path, server)
        done = bench.command("run", str(bench.config), "--out", str(bench.out), expect=1)
    status, message = ends(bench)[0]
    assert (status, len(ends(bench))) == ("failed", 1)
    assert said in message
    assert message in " ".join(f"{done.stdout} {done.stderr}".replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert KEY not in done.stderr
    assert len(server.requests) == 1


@pytest.mark.slow
def test_once_the_trouble_is_over_the_run_goes_on(tmp_path):
    with MessagesServer(lambda request: REFUSALS["no credit"][0]) as server:
        bench = make_bench(tmp_path, server)
        bench.command("run", str(bench.config), "--out", str(bench.out), expect=1)
    with MessagesServer(partial(good)) as server:
        bench = replace(bench, environment={**bench.environment, "ANTHROPIC_BASE_URL": server.url})
        bench.command("resume", "last")
    assert ends(bench)[-1] == ("finished", "")


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_service_that_is_down_is_waited_for_and_the_wait_can_be_cut_short(tmp_path, sign):
    with MessagesServer([]) as server:
        bench = make_bench(tmp_path, server)
    with started(bench, "run", str(bench.config), "--out", str(bench.out)) as process:
        assert process.stderr is not None
        while "cannot be reached" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(sign)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert ends(bench) == [("interrupted", "stopped by the user")]
    with MessagesServer(partial(good)) as server:
        bench = replace(bench, environment={**bench.environment, "ANTHROPIC_BASE_URL": server.url})
        bench.command("resume", "last")
    assert ends(bench)[-1] == ("finished", "")


def started(bench: Bench, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "interp_bench_ext", *arguments],
        env=bench.environment,
        cwd=bench.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
