"""An organism with a reference model beside it: whose rows are whose, in one call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from interp_bench_ext.contracts import Access, Reads, Row, Site, Used
from interp_bench_ext.errors import AccessDenied, BadInput
from interp_bench_ext.host.organism import CallHooks, LoadedOrganism, load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate
from tests.host.tiny import HIDDEN, load_tiny
from tests.techniques.support import technique


def silent(*_given: object) -> None:
    return


def load(folder: Path, reference: OrganismSpec | None, access: Access = Access.BASE) -> LoadedOrganism:
    spec = OrganismSpec(name=str(folder), device="cpu", dtype="float32", reference=reference)
    organism = load_organism(spec, locate(spec), silent)
    organism._call = CallHooks("this technique", silent, access, silent)
    if reference is not None:
        organism._beside["reference"]._call = organism._call
        assert not spec.reference.name
    return organism


@pytest.fixture(scope="module")
def pair(model_folders: dict[str, Path]) -> tuple[LoadedOrganism, LoadedOrganism]:
    """The organism with a reference of another family, and that reference by itself."""
    other = OrganismSpec(name=str(model_folders["gpt2"]), device="cpu", dtype="float32", hidden_system_prompt=HIDDEN)
    return load(model_folders["llama"], replace(other)), load_tiny(model_folders["gpt2"], hidden=HIDDEN)


def test_rows_of_either_model_come_back_in_their_order(pair: tuple[LoadedOrganism, LoadedOrganism]) -> None:
    both, alone = pair
    texts = ("a b c", "the quick brown fox", "x y")
    rows = [
        Row(tuple(both.text_ids(text, arm=arm)), arm)
        for text, arm in zip(texts, ("organism", "reference", "organism"), strict=True)
    ]
    site = Site(0, "resid_post")
    found = {}
    for batch in both.run(rows, Reads(sites=(site,), positions=(-1,), grad_of=lambda row, logits: logits[-1, row])):
        for place, index in enumerate(batch.rows):
            found[index] = (batch.logits[place, 0], batch.sites[site][place, 0], float(batch.scores[place]))
    assert sorted(found) == [0, 1, 2]
    assert both.text_ids(texts[1], arm="reference") == alone.text_ids(texts[1])
    (expected,) = alone.run([Row(rows[1].ids)], Reads(sites=(site,), positions=(-1,)))
    assert torch.allclose(found[1][0], expected.logits[0, 0], atol=1e-5)
    assert torch.allclose(found[1][1], expected.sites[site][0, 0], atol=1e-5)
    assert found[1][2] == pytest.approx(float(expected.logits[0, 0, 1]), abs=1e-5)
    written = both.generate(rows, n=2, max_new_tokens=5, temperature=0)
    (other,) = alone.generate([Row(rows[1].ids)], n=2, max_new_tokens=5, temperature=0)
    assert [each.ids for each in written[1]] == [each.ids for each in other]
    assert both.info.reference
    assert not alone.info.reference


def test_it_needs_access_to_the_base_and_counts_as_no_sample(model_folders: dict[str, Path]) -> None:
    other = OrganismSpec(name=str(model_folders["gpt2"]), device="cpu", dtype="float32")
    organism = load(model_folders["llama"], other, Access.WEIGHTS)
    with pytest.raises(AccessDenied, match="reference model, which needs access to base"):
        organism.text_ids("a", arm="reference")
    counted: list[Used] = []
    hooks = CallHooks("t", silent, Access.BASE, counted.append)
    served = organism.serving(hooks)
    ids = tuple(served.text_ids("a b", arm="reference"))
    ((written,),) = served.generate([Row(ids, "reference")], max_new_tokens=2)
    list(served.run([Row(ids, "reference")]))
    given = Used(prompts=1, tokens=len(ids))
    assert counted == [given, Used(tokens=len(written.ids)), given]


def test_without_a_reference_it_is_said(model_folders: dict[str, Path]) -> None:
    organism = load(model_folders["llama"], None)
    with pytest.raises(BadInput, match=r"names no reference model \(model.reference\)"):
        technique("compare")(organism, prompts="hello", against="reference")
    with pytest.raises(BadInput, match="names no reference model"):
        technique("perplexity_diff")(organism, against="reference")


def test_what_is_wrong_with_a_reference_names_its_keys(tmp_path: Path, model_folders: dict[str, Path]) -> None:
    other = OrganismSpec(name=str(tmp_path / "nowhere"), device="cpu")
    with pytest.raises(BadInput, match=r"^model.reference.name: there is no folder"):
        load(model_folders["llama"], other)


def test_a_model_against_itself_differs_by_nothing(model_folders: dict[str, Path]) -> None:
    organism = load(
        model_folders["llama"], OrganismSpec(name=str(model_folders["llama"]), device="cpu", dtype="float32")
    )
    ranked = technique("perplexity_diff")(organism, openings=["the", "a b"], n=2, max_new_tokens=8, against="reference")
    assert ranked.other == "reference"
    assert abs(ranked.differences).max() < 1e-5
    assert set(ranked.arms) == {"organism", "reference"}


def test_texts_of_another_family_are_scored_by_its_own_tokens(pair: tuple[LoadedOrganism, LoadedOrganism]) -> None:
    both, alone = pair
    ranked = technique("perplexity_diff")(both, openings=["a b"], n=1, max_new_tokens=6, against="reference")
    row = ranked.arms.index("organism")
    text = ranked.texts[row]
    ids, start = alone.piece_ids(text), alone.text_ids("a b")
    (batch,) = alone.run([Row((*start, *ids))])
    logs = batch.logits[0, len(start) - 1 : -1].log_softmax(-1)
    whole = -float(logs.gather(1, torch.tensor(ids)[:, None]).sum())
    assert ranked.n_tokens[row] == len(both.piece_ids(text))
    assert ranked.other_nll[row] * ranked.n_tokens[row] == pytest.approx(whole, abs=1e-3)


def test_compare_takes_it(model_folders: dict[str, Path]) -> None:
    other = OrganismSpec(name=str(model_folders["llama"]), device="cpu", dtype="float32", hidden_system_prompt=HIDDEN)
    organism = load(model_folders["llama"], other)
    found = technique("compare")(organism, prompts=["hello", "hi"], n=2, max_new_tokens=4, against="reference")
    assert (found.arm, found.other) == ("organism", "reference")
    assert len(found.other_texts) == 4
