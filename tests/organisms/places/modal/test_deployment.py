"""What can go wrong before an organism serves: one sentence each, with what mends it, and nothing of the organism."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput, InterpBenchError
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.places.modal import account
from interp_bench_ext.organisms.places.modal.bundle import packed
from interp_bench_ext.organisms.places.modal.deployment import Deployment
from tests.organisms.places.modal.conftest import SECRET, connected
from tests.organisms.places.modal.running import ROOT, TOKEN, RunningPlane, deploy, status, undeploy

DEPLOY = """
import asyncio, json, sys
from pathlib import Path
from interp_bench_ext.organisms.places.modal.deployment import Deployment
from interp_bench_ext.host.spec import OrganismSpec

async def main():
    deployment = await Deployment.of(OrganismSpec.from_wire(json.loads(sys.argv[1])))
    print("ready", flush=True)
    sys.stdin.readline()
    await deployment.ensure(lambda stage, done, total: None)

asyncio.run(main())
"""


@pytest.fixture
def fresh(spec: OrganismSpec, request: pytest.FixtureRequest) -> OrganismSpec:
    """An organism that no other test has deployed."""
    return dataclasses.replace(spec, hidden_system_prompt=f"{SECRET} {request.node.name}")


@pytest.fixture
def faulty(plane: RunningPlane):
    """The plane, which goes back to doing well."""
    yield plane
    plane.do("faults", refuse={}, image_fails=False, frozen=False)


def refusal(spec: OrganismSpec) -> InterpBenchError:
    with pytest.raises(InterpBenchError) as refused:
        deploy(spec)
    message = str(refused.value)
    for sealed in ("quokka", spec.name, Path(spec.name).name, "Traceback"):
        assert sealed not in message
    assert message.count("\n") == 0
    return refused.value


def test_without_a_token(plane: RunningPlane, fresh: OrganismSpec):
    with connected(plane, MODAL_TOKEN_ID=None, MODAL_TOKEN_SECRET=None):
        error = refusal(fresh)
    assert isinstance(error, BadInput)
    assert "no token" in error.message
    assert "`modal token new`" in error.message


def test_two_that_sign_in_at_once_both_get_in(plane: RunningPlane):
    async def both() -> list[object]:
        return await asyncio.gather(account.client(), account.client())

    with connected(plane):
        assert all(asyncio.run(both()))
        assert "MODAL_TOKEN_SECRET" not in os.environ


def test_with_a_token_that_is_refused(plane: RunningPlane, fresh: OrganismSpec):
    with connected(plane, MODAL_TOKEN_SECRET="as-expired"):
        error = refusal(fresh)
    assert "wrong or has expired" in error.message
    assert "`modal token new`" in error.message
    assert TOKEN[0] not in error.message


def test_without_the_hubs_secret(plane: RunningPlane, fresh: OrganismSpec):
    error = refusal(dataclasses.replace(fresh, name="somebody/quokka-9b"))
    assert "no secret 'huggingface-secret'" in error.message
    assert "`modal secret create huggingface-secret HF_TOKEN=hf_...`" in error.message


def test_with_a_gpu_that_modal_does_not_offer(plane: RunningPlane, fresh: OrganismSpec):
    error = refusal(dataclasses.replace(fresh, modal=dataclasses.replace(fresh.modal, gpu_type="Z9000")))
    assert "no GPU 'Z9000'" in error.message
    assert "A10G" in error.message


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("RESOURCE_EXHAUSTED", "`modal app list`"),
        ("PERMISSION_DENIED", "`modal profile current`"),
        ("UNAVAILABLE", "cannot be reached"),
        ("UNIMPLEMENTED", "`pip install --upgrade modal`"),
    ],
)
def test_when_modal_refuses(faulty: RunningPlane, fresh: OrganismSpec, status: str, says: str):
    faulty.do("faults", refuse={"FunctionCreate": status})
    assert says in refusal(fresh).message


def test_when_the_image_cannot_be_built(faulty: RunningPlane, fresh: OrganismSpec):
    faulty.do("faults", image_fails=True)
    # A layer that no other test has had built.
    error = refusal(dataclasses.replace(fresh, quantization="4bit"))
    assert "`modal image logs im-" in error.message


def test_what_can_be_mended_is_deployed_then(faulty: RunningPlane, fresh: OrganismSpec):
    faulty.do("faults", refuse={"AppPublish": "RESOURCE_EXHAUSTED"})
    refusal(fresh)
    faulty.do("faults", refuse={})
    stages = deploy(fresh)
    assert stages == ["building image"]
    assert undeploy(fresh) is True
    assert undeploy(fresh) is False


def test_two_processes_deploy_it_once(plane: RunningPlane, fresh: OrganismSpec, tmp_path: Path):
    before = plane.count("deploys")
    environment = {
        **os.environ,
        **plane.environment,
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(tmp_path),
    }
    both = [
        subprocess.Popen(
            [sys.executable, "-c", DEPLOY, json.dumps(fresh.to_wire())],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.communicate("go\n", timeout=120)
        assert process.returncode == 0
    assert plane.count("deploys") == before + 1


def test_what_the_config_asks_of_modal_is_asked(plane: RunningPlane, fresh: OrganismSpec):
    asked = {"gpu_type": "A100-80GB:2", "region": "eu-west", "memory_snapshot": True, "scaledown_window_s": 77}
    deploy(dataclasses.replace(fresh, modal=dataclasses.replace(fresh.modal, **asked)))
    [told] = [one for one in plane.seen()["functions"] if "scaledown_window: 77" in one]
    for line in (
        'gpu_type: "A100-80GB"',
        "count: 2",
        '"eu-west"',
        "checkpointing_enabled: true",
        "block_network: true",
    ):
        assert line in told


def test_names_and_definitions_say_nothing_of_the_organism(plane: RunningPlane, fresh: OrganismSpec):
    deploy(fresh)
    seen = plane.seen()
    told = json.dumps([seen["apps"], seen["functions"], seen["volumes"], seen["images"]])
    for sealed in ("quokka", SECRET, fresh.name, Path(fresh.name).name):
        assert sealed not in told
    assert "block_network: true" in told
    assert "untrusted: true" in told


def test_what_is_loaded_makes_another_organism_and_where_it_runs_does_not(fresh: OrganismSpec):
    same = packed(fresh)
    elsewhere = packed(dataclasses.replace(fresh, modal=dataclasses.replace(fresh.modal, gpu_type="H100")))
    assert elsewhere.app == same.app
    assert elsewhere.fingerprint != same.fingerprint
    for change in ({"hidden_system_prompt": "other"}, {"dtype": "bfloat16"}, {"techniques": fresh.techniques[:1]}):
        assert packed(dataclasses.replace(fresh, **change)).app != same.app


def test_a_status_tells_whether_it_is_deployed(plane: RunningPlane, fresh: OrganismSpec):
    assert status(fresh).deployed is False
    deploy(fresh)
    found = status(fresh)
    assert (found.deployed, found.containers, found.waiting) == (True, 0, 0)
    assert found.app == Deployment(packed(fresh)).parcel.app


@pytest.mark.slow
def test_modal_is_imported_only_where_it_is_used_and_torch_never():
    code = (
        "import sys, interp_bench_ext.app, interp_bench_ext.cli.serve, interp_bench_ext.runs\n"
        "assert 'modal' not in sys.modules\n"
        "import interp_bench_ext.organisms.places.modal.organism\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
