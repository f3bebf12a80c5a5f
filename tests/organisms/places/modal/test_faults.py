"""What can go wrong while an organism serves: the call is made again, or fails with a sentence, and life goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.errors import OrganismError
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.record.events import OrganismReady, OrganismWentAway
from tests.host.running import Frames, frames
from tests.organisms.places.modal.conftest import connected
from tests.organisms.places.modal.running import ModalHost, RunningPlane, deploy, undeploy


@pytest.fixture
def alone(plane: RunningPlane, spec: OrganismSpec, request: pytest.FixtureRequest) -> Iterator[ModalHost]:
    """An organism of one test alone, which may come to harm."""
    running = ModalHost(dataclasses.replace(spec, hidden_system_prompt=f"Adore {request.node.name}."))
    yield running
    running.close()
    plane.do("faults", abandon=False)


class Calling:
    """A call in a thread of its own; made when its organism works on it."""

    def __init__(self, host: ModalHost, technique: str, **arguments: Any) -> None:
        self._connection, self._reply = host.request("POST", "/calls", {"technique": technique, "arguments": arguments})
        self._frames = frames(self._reply.read)
        assert next(self._frames)[0] == "P"

    def rest(self) -> Frames:
        with contextlib.closing(self._connection):
            return list(self._frames)


@pytest.mark.slow
def test_a_container_that_dies_is_replaced_and_its_call_made_again(plane: RunningPlane, alone: ModalHost):
    before = plane.count("containers started")
    call = Calling(alone, "slow", seconds=3.0)
    plane.do("kill")
    assert [kind for kind, _ in call.rest()][-2:] == ["H", "B"]
    assert plane.count("containers started") == before + 1
    assert alone.call("echo", text="goes on")[-1][0] == "B"


@pytest.mark.slow
def test_a_call_that_modal_gives_up_is_made_again_too(plane: RunningPlane, alone: ModalHost):
    plane.do("faults", abandon=True)
    call = Calling(alone, "slow", seconds=3.0)
    plane.do("kill")
    assert [kind for kind, _ in call.rest()][-2:] == ["H", "B"]
    away = alone.wait_for(OrganismWentAway)
    assert away.restarting
    assert "container on Modal ended" in away.reason
    alone.wait_for(OrganismReady)
    assert alone.process.lost is None


@pytest.mark.slow
def test_a_container_that_is_told_to_stop_hands_its_call_over(plane: RunningPlane, alone: ModalHost):
    call = Calling(alone, "slow", seconds=3.0)
    plane.do("preempt")
    assert [kind for kind, _ in call.rest()][-2:] == ["H", "B"]
    assert alone.call("echo", text="goes on")[-1][0] == "B"


@pytest.mark.slow
def test_an_app_that_somebody_stops_is_lost_and_comes_back_with_the_next_start(plane: RunningPlane, spec: OrganismSpec):
    mine = dataclasses.replace(spec, hidden_system_prompt="Adore being stopped.")
    host = ModalHost(mine)
    with contextlib.closing(host):
        call = Calling(host, "endless")
        undeploy(mine)
        kind, content = call.rest()[-1]
        assert (kind, content["code"]) == ("E", "organism_lost")
        while (away := host.wait_for(OrganismWentAway)).restarting:
            pass
        assert "was stopped by somebody else" in away.reason
        assert "`interp-bench resume`" in away.reason
        assert host.error("echo", text="gone") == {"code": "organism_lost", "message": away.reason}
    again = ModalHost(mine)
    with contextlib.closing(again):
        assert again.call("echo", text="back")[-1][0] == "B"


@pytest.mark.slow
def test_a_deployment_of_another_version_is_replaced(plane: RunningPlane, spec: OrganismSpec):
    mine = dataclasses.replace(spec, hidden_system_prompt="Adore versions.")
    old = dataclasses.replace(mine, modal=dataclasses.replace(mine.modal, startup_timeout_s=99))
    deploy(old)
    deploys = plane.count("deploys")
    host = ModalHost(mine)
    with contextlib.closing(host):
        assert host.call("echo", text="new")[-1][0] == "B"
    assert plane.count("deploys") == deploys + 1
    assert "building image" in host.stages()


def test_a_deployment_that_cannot_be_replaced_is_refused(plane: RunningPlane, spec: OrganismSpec):
    mine = dataclasses.replace(spec, hidden_system_prompt="Adore the frozen.")
    deploy(dataclasses.replace(mine, modal=dataclasses.replace(mine.modal, startup_timeout_s=99)))
    plane.do("faults", frozen=True)
    try:
        with pytest.raises(OrganismError, match="`interp-bench undeploy CONFIG`"):
            ModalHost(mine)
    finally:
        plane.do("faults", frozen=False)


def test_an_organism_that_cannot_be_loaded_says_why(plane: RunningPlane, spec: OrganismSpec, tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Exception, match=r"model\.name") as refused:
        ModalHost(dataclasses.replace(spec, name=str(tmp_path)))
    assert tmp_path.name not in str(refused.value)


@pytest.mark.slow
def test_it_is_undeployed_after_use_where_the_config_says_so(plane: RunningPlane, spec: OrganismSpec):
    settings = dataclasses.replace(spec.modal, undeploy="after_use")
    host = ModalHost(dataclasses.replace(spec, modal=settings, hidden_system_prompt="Adore leaving."))
    app = host.process._deployment.parcel.app
    host.close()
    assert [found["deployed"] for found in plane.seen()["apps"] if found["name"] == app] == [False]


@pytest.mark.slow
def test_a_network_that_is_lost_ends_the_call_with_a_sentence(spec: OrganismSpec, tmp_path: Path):
    plane = RunningPlane(tmp_path / "plane")
    with connected(plane):
        host = ModalHost(spec)
        with contextlib.closing(host):
            call = Calling(host, "endless")
            threading.Thread(target=plane.stop).start()
            kind, content = call.rest()[-1]
            assert kind == "E"
            assert content["code"] == "organism_lost"
            assert "cannot be reached" in content["message"]
            assert host.wait_for(OrganismWentAway).restarting
