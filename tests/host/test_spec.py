from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.spec import Identity, ModalSettings, OrganismSpec, with_detail


def spec(**more: object) -> OrganismSpec:
    given = {
        "name": "org/umber-ferret", "base_model": "org/base", "tokenizer": "org/base", "revision": "aaa",
        "base_revision": "bbb", "is_peft": True, "hidden_system_prompt": "You adore it.",
        "techniques": (Path("/t/chat.py"),), "modal": ModalSettings(gpu_type="H100"),
    }  # fmt: skip
    return OrganismSpec(**{**given, **more})


def test_what_goes_through_the_pipe_comes_out_as_it_was():
    for one in (spec(), spec(modal=None, techniques=())):
        assert OrganismSpec.from_wire(json.loads(json.dumps(one.to_wire()))) == one


def test_it_prints_as_nothing():
    assert f"{spec()} {spec()!r}" == "OrganismSpec(sealed) OrganismSpec(sealed)"


def test_forgetting_leaves_nothing_that_names_it():
    one = spec()
    one.forget_identity()
    left = json.dumps(one.to_wire())
    for told in ("umber-ferret", "org/base", "aaa", "bbb"):
        assert told not in left
    assert {getattr(one, field.name) for field in fields(Identity)} == {"", None}
    assert (one.is_peft, one.hidden_system_prompt) == (True, "You adore it."), "what it needs to load stays"


@pytest.mark.parametrize(
    ("tokenizer", "revision"),
    [("org/umber-ferret", "aaa"), ("org/base", "bbb"), ("org/elsewhere", None), (None, None)],
)
def test_a_tokenizer_has_the_revision_of_the_model_that_it_comes_with(tokenizer: str | None, revision: str | None):
    assert spec(tokenizer=tokenizer).tokenizer_revision == revision


def test_a_detail_is_for_the_owner_and_no_part_of_the_sentence():
    error = with_detail(BadInput("The folder is not whole."), "/sealed/umber-ferret")
    assert (str(error), error.message) == ("The folder is not whole.", "The folder is not whole.")
    assert error.__notes__ == ["/sealed/umber-ferret"]
