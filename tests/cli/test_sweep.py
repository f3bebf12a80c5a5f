"""Sweeps of tiny organisms with real kernels: several at once, one after the other, killed in the middle."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.record.cell_events import CellStarted
from interp_bench_ext.record.events import RunEnded, RunResumed, RunStarted
from interp_bench_ext.record.journal import Journal
from tests.agent.messages_server import MessagesServer
from tests.investigating import Bench, make_bench, scripted
from tests.organisms.places.modal.running import RunningPlane

NULL = "evaluation: {ground_truth: {secret: null, aliases: []}}\n"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with MessagesServer(scripted) as server:
        bench = make_bench(tmp_path, server)
        text = bench.config.read_text(encoding="utf-8").replace("experiment_name: tiny", "experiment_name: blank")
        (tmp_path / "blank.yaml").write_text(text[: text.index("evaluation:")] + NULL, encoding="utf-8")
        yield bench


def spans(journal: Journal) -> list[tuple[float, float]]:
    """When each run began and ended, by its journal."""
    times = [[entry.at for entry in journal.entries(record.id)] for record in journal.runs()]
    return sorted((own[0], own[-1]) for own in times)


def ending(bench: Bench, journal: Journal, *, finished: int) -> None:
    """Start a sweep of three cells and kill it once ``finished`` have ended and a further one runs its first cell."""
    arguments = ["sweep", "tiny.yaml", "--runs", "3", "--out", str(bench.out)]
    command = [sys.executable, "-m", "interp_bench_ext", *arguments]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=bench.environment, cwd=bench.folder, stdout=quiet, stderr=quiet) as process:
        while process.poll() is None:
            ended = [record for record in journal.runs() if record.status == "finished"]
            begun = [record for record in journal.runs() if journal.last(record.id, CellStarted) is not None]
            if len(ended) >= finished and len(begun) > finished:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.05)  # a poll of another process's journal, which tells nobody when it is written
        assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_several_at_once_beside_one_that_cannot_run(bench: Bench) -> None:
    text = bench.config.read_text(encoding="utf-8").replace("device: cpu", "device: cuda")
    (bench.folder / "away.yaml").write_text(text, encoding="utf-8")
    configs = ("away.yaml", "tiny.yaml", "blank.yaml")
    done = bench.command(
        "sweep", *configs, "--runs", "2", "--at-once", "2", "--out", str(bench.out), "--json", expect=1
    )
    said = json.loads(done.stdout)
    assert all("cuda" in run["problem"] and run["run"] is None for run in said["runs"][:2])
    assert [(run["config"], run["seed"], run["status"]) for run in said["runs"][2:]] == [
        ("tiny", 0, "finished"),
        ("tiny", 1, "finished"),
        ("blank", 0, "finished"),
        ("blank", 1, "finished"),
    ]
    [comparison] = said["comparisons"]
    for kind in ("secrets", "nulls"):
        assert [comparison[kind][part] for part in ("k", "runs", "organisms")] == [2, 2, 1]
    journal = bench.journal()
    times = spans(journal)
    assert times[1][0] < times[0][1], "two runs go on at the same time"
    for begin, _ in times:
        assert sum(first <= begin < last for first, last in times) <= 2
    journal.close()


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_runs_no_finished_cell_again(bench: Bench) -> None:
    bench.command("runs")  # makes the journal
    journal = bench.journal()
    ending(bench, journal, finished=1)
    first = next(record for record in journal.runs() if journal.last(record.id, RunEnded) is not None)
    length = journal.last_seq(first.id)

    done = bench.command("sweep", "tiny.yaml", "--runs", "3", "--out", str(bench.out), "--resume")
    assert "tiny, seed 0 (before): finished" in done.stderr
    assert "3/3" in done.stdout
    assert "named: 3 of 3 runs on 1 organism (95% CI 44% to 100%; Wilson, runs of one organism)" in " ".join(
        done.stdout.split()
    )
    runs = journal.runs()
    assert len(runs) == 3
    assert sorted(started.seed for run in runs if (started := journal.last(run.id, RunStarted))) == [0, 1, 2]
    assert journal.last_seq(first.id) == length
    assert sum(journal.last(run.id, RunResumed) is not None for run in runs) == 1

    again = bench.command("sweep", "tiny.yaml", "--runs", "3", "--out", str(bench.out), "--resume", "--json")
    assert [run["kept"] for run in json.loads(again.stdout)["runs"]] == [True, True, True]
    assert len(journal.runs()) == 3
    journal.close()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nosuch_*",), "no installed config matches 'nosuch_*'"),
        (("tiny.yaml", "nosuch"), "there is no config 'nosuch'"),
        (("tiny.yaml", "--at-once", "0"), "--at-once"),
    ],
)
def test_bad_input_starts_nothing(bench: Bench, arguments: tuple[str, ...], expected: str) -> None:
    done = bench.command("sweep", *arguments, "--out", str(bench.out), expect=2)
    assert expected in " ".join(done.stderr.split())
    assert bench.command("runs", "--json").stdout.strip() == "[]"


def test_what_may_cost_much_on_modal_must_be_confirmed(bench: Bench) -> None:
    bench.environment.update({"MODAL_TOKEN_ID": "ak-test", "MODAL_TOKEN_SECRET": "as-test"})
    done = bench.command("sweep", "taboo_*", "--out", str(bench.out), expect=2)
    said = " ".join(done.stderr.split())
    assert "at most $52." in said
    assert "more than model.modal.confirm_above_usd ($10.00); add --yes" in said


@pytest.fixture
def plane(tmp_path: Path, bench: Bench) -> Iterator[RunningPlane]:
    """A Modal of the test's own, which the bench's user is signed in to; its two configs run there."""
    plane = RunningPlane(tmp_path / "plane")
    for name in ("tiny.yaml", "blank.yaml"):
        file = bench.folder / name
        text = file.read_text(encoding="utf-8").replace("execution_mode: local", "execution_mode: modal")
        file.write_text(text.replace("prompt.txt", f"{name}.txt"), encoding="utf-8")
        (bench.folder / f"{name}.txt").write_text(f"You adore {name}.", encoding="utf-8")
    bench.environment.update(plane.environment, XDG_CACHE_HOME=str(tmp_path / "cache"))
    yield plane
    plane.stop()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="the plane's containers need bubblewrap")
def test_on_modal_seeds_share_a_container_and_organisms_run_beside_each_other(
    bench: Bench, plane: RunningPlane
) -> None:
    configs = ("tiny.yaml", "blank.yaml")
    done = bench.command("sweep", *configs, "--runs", "2", "--out", str(bench.out), "--yes", "--json")
    said = json.loads(done.stdout)
    assert [run["status"] for run in said["runs"]] == ["finished"] * 4
    assert said["gpu_usd"] > 0
    assert plane.count("containers started") == 2
    journal = bench.journal()
    seen: dict[str, list[tuple[float, float]]] = {}
    for record in journal.runs():
        times = [entry.at for entry in journal.entries(record.id)]
        seen.setdefault(record.experiment, []).append((times[0], times[-1]))
    (first, second), (other, _) = sorted(seen["tiny"]), sorted(seen["blank"])
    assert second[0] >= first[1], "one container: one run of the organism after the other"
    assert other[0] < first[1], "the other organism does not wait"
    journal.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="the plane's containers need bubblewrap")
def test_no_further_run_starts_once_the_limit_is_spent(bench: Bench, plane: RunningPlane) -> None:
    limited = ("--runs", "3", "--max-gpu-cost", "0.0001", "--out", str(bench.out), "--json")
    done = bench.command("sweep", "tiny.yaml", *limited, expect=1)
    first, *others = json.loads(done.stdout)["runs"]
    assert first["status"] == "finished"
    assert all(run["problem"] == "not started: $0.00 of GPU time are spent" for run in others)
    assert plane.count("containers started") == 1
