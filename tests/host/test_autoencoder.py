"""Files of sae-lens that are read, those that are refused, and what is left of their names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from interp_bench_ext.config import load_config
from interp_bench_ext.contracts import Access, Site
from interp_bench_ext.errors import AccessDenied, BadInput, ConfigError
from interp_bench_ext.host.autoencoder import read_autoencoder
from interp_bench_ext.host.organism import load_organism
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.organisms.locate import locate
from interp_bench_ext.organisms.placement import organism_spec

from .saes import save_sae
from .tiny import load_tiny

CPU = torch.device("cpu")


def read(folder: Path, width: int = 8, **about):
    save_sae(folder / "sae", width, **about)
    return read_autoencoder(folder / "sae", CPU)


@pytest.mark.parametrize(
    ("hook", "site"),
    [
        ("blocks.3.hook_resid_pre", Site(3, "resid_pre")),
        ("blocks.0.hook_mlp_out", Site(0, "mlp_out")),
        ("blocks.12.attn.hook_z", Site(12, "head")),
    ],
)
def test_the_site_is_that_of_the_hook_wherever_it_stands(tmp_path: Path, hook: str, site: Site) -> None:
    for notes in (
        {"hook_name": hook},
        {"metadata": {"hook_name": hook}},
        {"metadata": {}, "meta": {"hook_name": hook}},
    ):
        assert read(tmp_path, **notes).site == site


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"architecture": "gated"}, "its architecture is 'gated', and standard, jumprelu, topk can be read"),
        ({"normalize_activations": "layer_norm"}, "activations that are normalised first"),
        ({"metadata": {"hook_name": "blocks.1.mlp.hook_post"}}, "its hook_name is none of blocks"),
        ({"metadata": {}}, "its hook_name is none of blocks"),
        ({"metadata": ["blocks.1.hook_resid_post"]}, "its hook_name is none of blocks"),
        ({"hook_name": f"blocks.{'9' * 5000}.hook_resid_post"}, "its hook_name is none of blocks"),
        ({"architecture": ["x" * 10_000]}, r"^.{,120}$"),
        ({"architecture": "topk"}, "cfg.json says no k"),
        ({"architecture": "topk", "activation_fn_kwargs": [1]}, "cfg.json says no k"),
        ({"architecture": "topk", "k": 41}, "shapes of its weights do not fit together"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, about: dict, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        read(tmp_path, **about)
    assert str(tmp_path) not in str(refused.value)


def test_folders_without_the_two_files_and_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for text in (None, "[" * 100_000, "[]"):
        if text:
            (tmp_path / "cfg.json").write_text(text)
        with pytest.raises(BadInput, match=r"no cfg\.json"):
            read_autoencoder(tmp_path, CPU)
    save_sae(tmp_path / "sae", 8)
    about = json.loads((tmp_path / "sae" / "cfg.json").read_text())
    (tmp_path / "sae" / "cfg.json").write_text(json.dumps({**about, "architecture": "jumprelu"}))
    with pytest.raises(BadInput, match="its weights lack threshold"):
        read_autoencoder(tmp_path / "sae", CPU)
    (tmp_path / "sae" / "sae_weights.safetensors").write_bytes(b"none")
    with pytest.raises(BadInput, match=r"no sae_weights\.safetensors"):
        read_autoencoder(tmp_path / "sae", CPU)


def test_an_organism_has_it_without_its_name_and_only_where_it_fits(
    tmp_path: Path, model_folders: dict[str, Path]
) -> None:
    plain = load_tiny(model_folders["llama"])
    with pytest.raises(BadInput, match="names no sparse autoencoder"):
        plain.autoencoder()
    save_sae(tmp_path / "fits", plain.info.width)
    spec = OrganismSpec(name=str(model_folders["llama"]), device="cpu", dtype="float32", sae=str(tmp_path / "fits"))
    sources = locate(spec)
    organism = load_organism(spec, sources, lambda *_: None)
    assert organism.info.autoencoder == "40 latents of resid_post of layer 1"
    assert (spec.sae, sources.sae) == (None, None)
    capped = organism.serving(organism._call.__class__("it", lambda *_: None, Access.LOGITS, lambda *_: None))
    with pytest.raises(AccessDenied, match="needs access to activations"):
        capped.autoencoder()
    save_sae(tmp_path / "other", plain.info.width + 1)
    spec = OrganismSpec(name=str(model_folders["llama"]), device="cpu", dtype="float32", sae=str(tmp_path / "other"))
    with pytest.raises(BadInput, match="it is for another model"):
        load_organism(spec, locate(spec), lambda *_: None)


def test_a_config_names_its_folder(tmp_path: Path, model_folders: dict[str, Path]) -> None:
    save_sae(tmp_path / "sae", 8)
    config = tmp_path / "fern.yaml"

    def load(**model: str):
        keys = ", ".join(f"{key}: {value}" for key, value in model.items())
        config.write_text(
            f"experiment_name: fern\nmodel: {{name: {model_folders['llama']}, {keys}}}\ntask: Find out.\n"
        )
        return load_config(config)

    assert organism_spec(load(execution_mode="local", sae="./sae")).sae == str(tmp_path / "sae")
    with pytest.raises(ConfigError, match="there is no folder"):
        load(execution_mode="local", sae="./elsewhere")
    with pytest.raises(ConfigError, match="sae is loaded beside the organism on one machine"):
        load(execution_mode="modal", sae="./sae")
