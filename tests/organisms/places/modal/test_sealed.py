"""Everything that the notebook's side of an organism on Modal can reach, searched for what is sealed."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.places.modal.service import CARGO
from interp_bench_ext.organisms.places.modal.weights import VOLUME
from interp_bench_ext.results import decode
from tests.organisms.places.modal.conftest import SECRET
from tests.organisms.places.modal.running import TOKEN, ModalHost, RunningPlane
from tests.redteam.suite import attempt


@pytest.fixture(scope="module")
def needles(spec: OrganismSpec) -> list[str]:
    """What nobody may find, in parts that are enough to recognise it."""
    return ["quokka", Path(spec.name).name, spec.name, *TOKEN]


def told(host: ModalHost, technique: str, **arguments: Any) -> tuple[str, ...]:
    (_, header), (_, buffer) = host.call(technique, **arguments)
    texts: tuple[str, ...] = decode(header, buffer).texts
    return texts


@attempt("O2", "organism", "Replies, errors and events of an organism on Modal", veil="remote")
def test_replies_errors_and_events_hold_nothing_sealed(host: ModalHost, needles: list[str]):
    replies = [
        host.get("/health"),
        host.get("/techniques"),
        host.error("broken"),
        host.error("nothing"),
        host.error("echo", wrong=1),
        host.error("slow", deadline_s=0.2, seconds=30.0),
        [event.model_dump() for event in host.seen],
        repr(host.connection),
        repr(host.process._deployment.parcel.spec),
    ]
    found = json.dumps(replies)
    assert [needle for needle in needles if needle in found] == []


@attempt("N1", "Modal", "Code in the organism's container looks for tokens and the sealed half", veil="remote")
def test_code_in_the_container_sees_neither_tokens_nor_what_it_was_sent(host: ModalHost, needles: list[str]):
    hidden = [*needles, "MODAL_TOKEN", "HF_TOKEN", f"{CARGO}={{"]
    *found, processes = told(host, "look", reversed_needles=[needle[::-1] for needle in hidden])
    assert found == []
    assert int(processes) < 10  # its own and its sandbox's, of all that run on this machine


@attempt("N1b", "Modal", "Modal's token in the server's environment is read by a kernel", veil="remote")
def test_a_token_in_the_environment_is_not_there_for_kernels(host: ModalHost):
    assert [name for name in os.environ if name.startswith("MODAL_TOKEN")] == []


@attempt("N1c", "Modal", "Names that a workspace shows tell of the organism", veil="remote")
def test_names_that_a_workspace_shows_say_nothing(plane: RunningPlane, host: ModalHost, needles: list[str]):
    seen = plane.seen()
    shown = json.dumps([seen["apps"], seen["functions"], seen["images"], list(seen["volumes"])])
    assert [needle for needle in needles if needle in shown] == []
    assert seen["volumes"] == {VOLUME: f"vo-{VOLUME}"}
    assert host.process._deployment.parcel.app in shown


def test_an_error_of_loading_keeps_its_details_for_the_owner(plane: RunningPlane, spec: OrganismSpec, tmp_path: Path):
    folder = tmp_path / "quokka-identity"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "quokka"}')
    with pytest.raises(Exception, match=r"model\.") as refused:
        ModalHost(dataclasses.replace(spec, name=str(folder), hidden_system_prompt=SECRET))
    assert "quokka" not in str(refused.value)
