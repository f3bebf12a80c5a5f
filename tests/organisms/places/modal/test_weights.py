"""Weights of the model hub: pulled once into a volume, in folders that say nothing, and served from there."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.places.modal.weights import VOLUME, folder_of, placed
from tests.organisms.places.modal.hub import Hub
from tests.organisms.places.modal.running import ModalHost, RunningPlane, status

REPOSITORY, TOKEN = "somebody/quokka-9b", "hf_right"


@pytest.fixture
def hub(spec: OrganismSpec) -> Iterator[Hub]:
    serving = Hub(Path(spec.name), REPOSITORY, TOKEN)
    yield serving
    serving.close()


@pytest.fixture
def hosted(plane: RunningPlane, hub: Hub, spec: OrganismSpec) -> OrganismSpec:
    """An organism whose weights are on the hub; the workspace's secret opens it."""
    settings = dataclasses.replace(spec.modal, secret="hub-of-the-test")
    plane.do("secret", name=settings.secret, values={"HF_TOKEN": TOKEN, "HF_ENDPOINT": hub.url})
    return dataclasses.replace(spec, name=REPOSITORY, modal=settings)


def test_a_revision_has_a_folder_of_its_own_and_a_base_s_tokenizer_lies_with_it():
    spec = OrganismSpec(name="a/b", is_peft=True, base_model="c/d", tokenizer="c/d", revision="v1", base_revision="v2")
    found = placed(spec)
    assert found.name == str(folder_of("a/b", "v1"))
    assert found.base_model == found.tokenizer == str(folder_of("c/d", "v2")) != str(folder_of("c/d", None))
    assert (found.revision, found.base_revision) == (None, None)
    assert placed(dataclasses.replace(spec, tokenizer="e/f")).tokenizer == str(folder_of("e/f", None))


@pytest.mark.slow
def test_they_are_pulled_once_and_serve_several_organisms(plane: RunningPlane, hub: Hub, hosted: OrganismSpec):
    first = ModalHost(hosted)
    with contextlib.closing(first):
        assert first.stages()[:3] == ["building image", "pulling weights", "starting container"]
        assert first.call("echo", text="here")[-1][0] == "B"
    given = hub.given
    assert given >= 3
    other = ModalHost(dataclasses.replace(hosted, hidden_system_prompt="Another one."))
    with contextlib.closing(other):
        assert other.call("echo", text="here too")[-1][0] == "B"
    assert hub.given == given
    volume = Path(plane.do("volume", name=VOLUME))
    names = [str(path.relative_to(volume)) for path in volume.rglob("*")]
    assert any(name.endswith(".safetensors") for name in names)
    assert not any("quokka" in name or "somebody" in name for name in names)


def test_a_gated_repository_is_told_and_nothing_stays_deployed(plane: RunningPlane, hub: Hub, hosted: OrganismSpec):
    plane.do("secret", name=hosted.modal.secret, values={"HF_TOKEN": "hf_wrong", "HF_ENDPOINT": hub.url})
    mine = dataclasses.replace(hosted, revision="v2", hidden_system_prompt="Gated.")
    with pytest.raises(BadInput, match=r"model\.name: .* is gated") as refused:
        ModalHost(mine)
    assert "quokka" not in str(refused.value)
    assert any("quokka" in note for note in refused.value.__notes__)
    assert status(mine).deployed is False
