"""An organism on the plane: deployed, called, found warm, and not to be told from a local one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time

import numpy as np
import pytest

from interp_bench_ext.contracts import Access, Veil
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.record.events import OrganismLoading, OrganismReady
from interp_bench_ext.results import decode
from tests.host.running import Host, frames
from tests.organisms.places.modal.running import ModalHost, RunningPlane


@pytest.fixture(scope="module")
def local(spec: OrganismSpec):
    running = Host(dataclasses.replace(spec, place="local", modal=None), sandbox=False)
    yield running
    running.close()


def running_calls(plane: RunningPlane) -> int:
    """Inputs that containers work on."""
    return sum(container["running"] for container in plane.seen()["containers"])


@pytest.mark.slow
def test_its_loading_is_told_stage_by_stage(host: ModalHost):
    loading = ["starting container", "weights", "self-check", "seal"]
    assert host.stages() in ([*loading], ["building image", *loading])
    [ready] = [event for event in host.seen if isinstance(event, OrganismReady)]
    assert ready.device == "cpu"
    assert ready.load_s > 0
    assert host.process.veil is Veil.REMOTE


@pytest.mark.slow
def test_a_kernel_cannot_tell_it_from_a_local_one(host: ModalHost, local: Host):
    assert host.get("/techniques") == local.get("/techniques")
    assert host.get("/health").keys() == local.get("/health").keys()
    for place in (host, local):
        connection, reply = place.request("GET", "/health", token="wrong")
        assert (reply.status, json.loads(reply.read())["code"]) == (401, "unauthorized")
        connection.close()
    for technique, arguments in (
        ("echo", {"text": "héllo", "times": 3}),
        ("sample", {"prompts": ["hello"], "n": 2, "max_new_tokens": 4}),
        ("broken", {}),
        ("echo", {"wrong": 1}),
        ("nothing", {}),
    ):
        assert host.call(technique, **arguments) == local.call(technique, **arguments)
    assert host.error("slow", deadline_s=0.2, seconds=30.0) == local.error("slow", deadline_s=0.2, seconds=30.0)


def test_progress_comes_while_a_call_runs(host: ModalHost):
    kinds = [kind for kind, _ in host.call("slow", seconds=0.5)]
    assert kinds[-2:] == ["H", "B"]
    assert set(kinds[:-2]) == {"P"}


def test_a_large_array_comes_in_pieces_and_whole(plane: RunningPlane, host: ModalHost, local: Host):
    through_store = plane.seen()["blob_bytes"]
    (_, header), (_, buffer) = host.call("array", megabytes=17)
    result = decode(header, bytearray(buffer))
    assert result.weights.nbytes > 16e6
    (_, header), (_, buffer) = local.call("array", megabytes=17)
    np.testing.assert_array_equal(result.weights, decode(header, bytearray(buffer)).weights)
    assert plane.seen()["blob_bytes"] == through_store


def test_a_large_request_arrives(host: ModalHost):
    text = "x" * 3_000_000
    (_, header), (_, buffer) = host.call("echo", text=text)
    assert decode(header, buffer).texts == (text,)


def test_closing_the_connection_cancels_the_call(plane: RunningPlane, host: ModalHost):
    connection, reply = host.request("POST", "/calls", {"technique": "endless", "arguments": {}})
    assert next(frames(reply.read))[0] == "P"
    cancelled = plane.count("calls cancelled")
    reply.close()
    connection.close()
    assert host.call("echo", text="next", deadline_s=60)[-1][0] == "B"
    assert plane.count("calls cancelled") == cancelled + 1


def test_callers_are_served_at_the_same_time(host: ModalHost):
    ends: dict[str, float] = {}

    def call(caller: str) -> None:
        host.call("slow", caller=caller, seconds=0.3)
        ends[caller] = time.monotonic()

    threads = [threading.Thread(target=call, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    assert host.call("echo", text="among them", caller="b")[-1][0] == "B"
    for thread in threads:
        thread.join()
    assert len(ends) == 4


def test_what_its_model_worked_is_counted(host: ModalHost):
    before = host.process.busy_s()
    host.call("slow", seconds=0.5)
    assert 0.4 < host.process.busy_s() - before < 30


def test_each_ticket_pays_for_its_own_calls_and_opens_until_it_is_revoked(host: ModalHost):
    first, second = host.lend(), host.lend(access=Access.SAMPLE)
    assert host.get("/techniques", token=second.connection.token) != host.get("/techniques")
    host.call("slow", seconds=0.5, token=second.connection.token)
    assert first.busy_s() == 0
    assert 0.4 < second.busy_s() < 30
    [(kind, told)] = host.call("deep", token=second.connection.token)
    assert (kind, told["code"]) == ("E", "access_denied")
    assert host.call("deep", token=first.connection.token)[-1][0] == "B"

    outcome: list[tuple[str, dict[str, str]]] = []
    asked = {"deadline_s": 60.0, "token": second.connection.token}
    calling = threading.Thread(target=lambda: outcome.extend(host.call("endless", **asked)[-1:]))
    calling.start()
    while second.busy_s() < 1:
        time.sleep(0.05)
    host.run(host.process.revoke(second.ticket))
    calling.join()
    assert [(kind, told["code"]) for kind, told in outcome] == [("E", "cancelled")]
    connection, reply = host.request("GET", "/health", token=second.connection.token)
    assert reply.status == 401
    connection.close()
    before_s = first.busy_s()
    host.call("slow", seconds=0.3, token=first.connection.token)
    assert first.busy_s() > before_s


def test_the_next_use_finds_it_loaded(plane: RunningPlane, host: ModalHost, spec: OrganismSpec):
    containers, deploys = plane.count("containers started"), plane.count("deploys")
    again = ModalHost(spec)
    with contextlib.closing(again):
        assert again.call("echo", text="warm")[-1][0] == "B"
        assert again.stages() == ["starting container"]
        assert again.process.busy_s() < 5
    assert plane.count("containers started") == containers
    assert plane.count("deploys") == deploys


@pytest.mark.slow
def test_two_organisms_serve_at_the_same_time(plane: RunningPlane, host: ModalHost, spec: OrganismSpec):
    other = ModalHost(dataclasses.replace(spec, hidden_system_prompt="Speak of the numbat."))
    with contextlib.closing(other):
        asked = {"prompts": ["hello"], "n": 1, "max_new_tokens": 4}
        assert other.call("sample", **asked)[-1] != host.call("sample", **asked)[-1]
        assert {container["app"] for container in plane.seen()["containers"]} >= {
            host.process._deployment.parcel.app,
            other.process._deployment.parcel.app,
        }


@pytest.mark.slow
def test_a_snapshot_is_taken_once_it_serves(plane: RunningPlane, spec: OrganismSpec):
    snapshots = plane.count("snapshots")
    settings = dataclasses.replace(spec.modal, memory_snapshot=True)
    copied = ModalHost(dataclasses.replace(spec, modal=settings, hidden_system_prompt="Copied."))
    with contextlib.closing(copied):
        assert plane.count("snapshots") == snapshots + 1
        assert copied.stages() == ["building image", "starting container"]  # it was loaded by then
        assert copied.call("echo", text="after the snapshot")[-1][0] == "B"


@pytest.mark.slow
def test_calls_fan_out_over_containers_where_that_is_allowed(plane: RunningPlane, spec: OrganismSpec):
    settings = dataclasses.replace(spec.modal, max_containers=2, concurrent_calls=2)
    several = ModalHost(dataclasses.replace(spec, modal=settings, hidden_system_prompt="Several."))
    with contextlib.closing(several):
        threads = [threading.Thread(target=several.call, args=("slow",), kwargs={"seconds": 2.0}) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        app = several.process._deployment.parcel.app
        assert [container["app"] for container in plane.seen()["containers"]].count(app) == 2
        assert several.process.busy_s() > 5.5
    assert not any(isinstance(event, OrganismLoading) and event.stage == "" for event in several.seen)
