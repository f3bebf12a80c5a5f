from __future__ import annotations

import sys
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Veil
from interp_bench_ext.host.sources import Sources
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.child import Plan, plan_start
from tests.notebook.support import needs_sandbox


@pytest.fixture
def spec(tmp_path: Path) -> OrganismSpec:
    """With techniques in two folders, one of which has a helper."""
    for name in ("umber-ferret/config.json", "one/ask.py", "one/_help.py", "two/look.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = (tmp_path / "one" / "ask.py", tmp_path / "two" / "look.py")
    return OrganismSpec(name=str(tmp_path / "umber-ferret"), device="cpu", techniques=files)


def planned(spec: OrganismSpec, folder: Path, *, sandbox: bool) -> Plan:
    sources = Sources(model=spec.name, merge=None, adapter=None, tokenizer=spec.name)
    return plan_start(sources, spec, (folder,), {}, sandbox=sandbox)


def test_without_a_sandbox_it_is_a_plain_process_with_the_files_as_they_are(spec: OrganismSpec, tmp_path: Path):
    plan = planned(spec, tmp_path, sandbox=False)
    assert (plan.veil, plan.sources.model) == (Veil.PROCESS, spec.name)
    assert plan.techniques == [str(path) for path in spec.techniques]
    assert plan.seen_from_here("/organism/files0") == "/organism/files0"
    assert plan.command[-3:] == [sys.executable, "-m", "interp_bench_ext.host"]


@needs_sandbox
def test_in_a_sandbox_the_names_of_its_files_tell_nothing(spec: OrganismSpec, tmp_path: Path):
    plan = planned(spec, tmp_path, sandbox=True)
    assert plan.veil is Veil.SANDBOXED
    assert plan.sources.model == plan.sources.tokenizer == "/organism/files0"
    assert plan.techniques == ["/organism/techniques0/ask.py", "/organism/techniques1/look.py"]
    assert plan.seen_from_here("/organism/files0/config.json: broken") == f"{spec.name}/config.json: broken"
    shown = " ".join(plan.command)
    assert "/organism/techniques0/_help.py" in shown
    assert "/organism/techniques1/_help.py" not in shown


@needs_sandbox
def test_a_folder_of_links_is_shown_file_by_file(spec: OrganismSpec, tmp_path: Path):
    blob = tmp_path / "blobs" / "0f3a"
    blob.parent.mkdir()
    blob.touch()
    (tmp_path / "umber-ferret" / "model.safetensors").symlink_to(blob)
    command = planned(spec, tmp_path / "one", sandbox=True).command
    at = command.index("/organism/files0/model.safetensors")
    assert command[at - 1] == str(blob)
    assert "/organism/files0" not in command
