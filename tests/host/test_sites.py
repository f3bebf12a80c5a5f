"""Sites of many architectures against hooks written by hand for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from interp_bench_ext.contracts import Edit, Reads, Row, Site
from interp_bench_ext.errors import BadInput
from tests.host.families import save_family
from tests.host.reference_hooks import PLACES, hooked, read
from tests.host.tiny import LoadedOrganism, load_tiny

pytestmark = pytest.mark.filterwarnings("ignore")
TOLERANCE = 2e-5
TEXT = "the quick brown fox jumps over the dog"
NO_MIDDLE = {"gpt_neox"}


QUICK = ("gemma2", "gpt2", "gpt_neox", "llama", "qwen3_moe")


@pytest.fixture(
    scope="module",
    params=[kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in sorted(PLACES)],
)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, LoadedOrganism, Any]:
    folder = save_family(request.param, tmp_path_factory.mktemp(request.param))
    return request.param, load_tiny(folder), AutoModelForCausalLM.from_pretrained(folder).eval()


def test_every_site_reads_what_the_architecture_has_there(loaded: tuple[str, LoadedOrganism, Any]) -> None:
    kind, organism, model = loaded
    row = Row(tuple(organism.text_ids(TEXT)))
    for layer in range(organism.info.n_layers):
        with torch.no_grad():
            expected = read(model, kind, torch.tensor([row.ids]), layer)
        sites = {part: Site(layer, part) for part in expected}  # type: ignore[arg-type]
        (batch,) = organism.run([row], Reads(sites=tuple(sites.values())))
        for part, site in sites.items():
            assert batch.sites[site].shape[2:] == organism.site_shape(site)
            assert torch.allclose(batch.sites[site][0], expected[part], atol=TOLERANCE), (kind, layer, part)
    if kind in NO_MIDDLE:
        with pytest.raises(BadInput, match="This architecture has no resid_mid"):
            organism.run([row], Reads(sites=(Site(0, "resid_mid"),)))


def test_an_edit_does_what_a_hook_there_does(loaded: tuple[str, LoadedOrganism, Any]) -> None:
    kind, organism, model = loaded
    ids = tuple(organism.text_ids(TEXT))
    torch.manual_seed(0)
    layer, position = 1, 3
    for part, place in PLACES[kind].items():
        if part == "resid_mid":
            continue
        site = Site(layer, part)  # type: ignore[arg-type]
        value = torch.randn(organism.site_shape(site))

        def write(tensor: torch.Tensor, place: Any = place, value: torch.Tensor = value) -> torch.Tensor:
            changed = tensor.clone()
            place.shaped(changed, model.config)[0, position] = value
            return changed

        with torch.no_grad(), hooked(model, place, layer, write):
            expected = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
        row = Row(ids, edits=(Edit(site, (position,), "set", value),))
        (batch,) = organism.run([row, Row(ids)])
        assert torch.allclose(batch.logits[0], expected, atol=1e-4), (kind, part)
        assert not torch.allclose(batch.logits[0], batch.logits[1], atol=1e-2), (kind, part)


def test_what_is_added_between_attention_and_mlp_reaches_both(loaded: tuple[str, LoadedOrganism, Any]) -> None:
    kind, organism, model = loaded
    if kind in NO_MIDDLE:
        return
    ids, layer = tuple(organism.text_ids(TEXT)), 1
    value = torch.linspace(-1, 1, organism.info.width)
    added = value / (getattr(model.config, "residual_multiplier", None) or 1.0)
    with torch.no_grad(), hooked(model, PLACES[kind]["attn_out"], layer, lambda out: out + added):
        expected = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    site = Site(layer, "resid_mid")
    (batch,) = organism.run([Row(ids, edits=(Edit(site, None, "add", value),)), Row(ids)], Reads(sites=(site,)))
    assert torch.allclose(batch.logits[0], expected, atol=1e-4)
    assert torch.allclose(batch.sites[site][0, 0], batch.sites[site][1, 0] + value, atol=TOLERANCE)


def test_one_head_is_edited_and_read_alone(loaded: tuple[str, LoadedOrganism, Any]) -> None:
    _, organism, _ = loaded
    ids, whole, one = tuple(organism.text_ids(TEXT)), Site(1, "head"), Site(1, "head", 2)
    (batch,) = organism.run([Row(ids, edits=(Edit(one, None, "set", 0.0),)), Row(ids)], Reads(sites=(whole, one)))
    others = [0, 1, 3]
    assert torch.allclose(batch.sites[whole][0][:, others], batch.sites[whole][1][:, others], atol=TOLERANCE)
    assert not batch.sites[one][0].any()
    assert torch.equal(batch.sites[one][1], batch.sites[whole][1][:, 2])


def test_patterns_are_those_of_eager_attention(loaded: tuple[str, LoadedOrganism, Any]) -> None:
    kind, organism, model = loaded
    ids = tuple(organism.text_ids(TEXT))
    model.set_attn_implementation("eager")
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([ids]), output_attentions=True, use_cache=False).attentions
    sites = tuple(Site(layer, "pattern") for layer in range(organism.info.n_layers))
    (batch,) = organism.run([Row(ids), Row(ids[:4])], Reads(sites=sites))
    for layer, site in enumerate(sites):
        plain = expected[layer][0] / expected[layer][0].sum(-1, keepdim=True)  # gpt-oss leaves part to its sinks
        assert torch.allclose(batch.sites[site][0].transpose(0, 1), plain, atol=TOLERANCE), kind
        assert torch.allclose(batch.sites[site][1, :4, :, :4].sum(-1), torch.ones(4, 4), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("site", "says"),
    [
        (Site(0, "nowhere"), "no site called 'nowhere': choose embed, resid_pre"),  # type: ignore[arg-type]
        (Site(3, "resid_pre"), "There is no layer 3: layers go from 0 to 2"),
        (Site(1, "embed"), "Layer 1 of this architecture has no embed"),
        (Site(0, "resid_pre", 1), "resid_pre has no heads"),
        (Site(0, "k", 2), "k has no head 2: its heads go from 0 to 1"),
        (Site(0, "adapter"), "This architecture has no adapter"),
    ],
)
def test_a_site_that_is_not_there_is_named(site: Site, says: str, model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    with pytest.raises(BadInput, match=says):
        organism.site_shape(site)
