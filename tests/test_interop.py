"""The code of docs/interop.md, run as it stands there, and compared with what the organism itself computes."""

from __future__ import annotations

import json
import linecache
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from interp_bench_ext.contracts import Reads, Row, Site
from interp_bench_ext.results import decode
from tests.host.conftest import model_folders
from tests.host.tiny import LoadedOrganism, load_tiny
from tests.methods.inline import asked, channel
from tests.techniques.support import technique

__all__ = ["model_folders"]
PAGE = (Path(__file__).parents[1] / "docs" / "interop.md").read_text("utf-8")


def run(name: str, names: dict[str, Any]) -> None:
    """The page's code of that name; its lines can be looked up, as some packages do."""
    (code,) = re.findall(rf"<!-- {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    file = f"<{name}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    names["__name__"] = name
    exec(compile(code, file, "exec"), names)


class Asked:
    """An organism as a notebook has it, without a wire."""

    def __init__(self, organism: LoadedOrganism) -> None:
        self._organism = organism

    def method(self, function: Any) -> Any:
        def call(**arguments: Any) -> Any:
            with channel() as to:
                message = asked(to, self._organism, function, **arguments)
            return decode(message["result"], message["arrays"].numpy().tobytes())

        return call

    def steering(self, prompts: str, **named: Any) -> Any:
        return technique("steering")(self._organism, prompts=prompts, **named)


@pytest.fixture
def loaded(tmp_path: Path, model_folders: dict[str, Path]) -> dict[str, Any]:
    config = tmp_path / "fern.yaml"
    model = f"{{name: {model_folders['llama']}, execution_mode: local, device: cpu}}"
    config.write_text(f"experiment_name: fern\nmodel: {model}\ntask: Find out.\n")
    names: dict[str, Any] = {"config": config}
    run("load", names)
    return names


def expected(names: dict[str, Any], folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and stream, by the organism."""
    site = Site(1, "resid_post")
    (batch,) = load_tiny(folder).run([Row(tuple(names["ids"][0].tolist()))], Reads(sites=(site,)))
    return batch.logits[0], batch.sites[site][0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("package", ["transformer_lens", "nnsight"])
def test_other_tools_see_what_the_organism_sees(
    package: str, loaded: dict[str, Any], model_folders: dict[str, Path]
) -> None:
    pytest.importorskip(package)
    run(package, loaded)
    logits, stream = expected(loaded, model_folders["llama"])
    assert torch.allclose(loaded["logits"].reshape(logits.shape).float(), logits, atol=1e-3)
    assert torch.allclose(loaded["stream"].reshape(stream.shape).float(), stream, atol=1e-3)


@pytest.mark.parametrize("architecture", ["standard", "jumprelu"])
def test_activations_go_out_and_an_autoencoder_comes_in(
    architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_folders: dict[str, Path]
) -> None:
    monkeypatch.chdir(tmp_path)
    organism = load_tiny(model_folders["llama"])
    random, width = np.random.default_rng(0), organism.info.width
    about = {"architecture": architecture, "apply_b_dec_to_input": architecture == "standard", "d_in": width}
    weights = {"W_enc": random.normal(size=(width, 40)), "W_dec": random.normal(size=(40, width))}
    weights |= {"b_enc": random.normal(size=40), "b_dec": random.normal(size=width)}
    if architecture == "jumprelu":
        weights["threshold"] = random.uniform(0, 3, size=40)
    weights = {name: weight.astype(np.float32) for name, weight in weights.items()}
    (tmp_path / "sae").mkdir()
    (tmp_path / "sae" / "cfg.json").write_text(json.dumps(about))
    save_file(weights, tmp_path / "sae" / "sae_weights.safetensors")
    names: dict[str, Any] = {"organism": Asked(organism), "sae": tmp_path / "sae"}
    run("activations", names)
    run("sae", names)
    streams = torch.from_numpy(load_file("streams.safetensors")["streams"])
    rows = [Row(tuple(organism.text_ids(text))) for text in ("the quick brown fox", "what is the weather")]
    site, own = Site(1, "resid_post"), []
    for batch in organism.run(rows, Reads(sites=(site,))):
        own += [batch.sites[site][place, :length] for place, length in enumerate(batch.lengths)]
    assert torch.allclose(streams, torch.cat(own), atol=1e-6)
    for place, stream in enumerate(streams):
        shifted = stream - torch.from_numpy(weights["b_dec"]) if about["apply_b_dec_to_input"] else stream
        before = shifted @ torch.from_numpy(weights["W_enc"]) + torch.from_numpy(weights["b_enc"])
        on = torch.relu(before)
        if architecture == "jumprelu":
            on = on * (before > torch.from_numpy(weights["threshold"]))
        np.testing.assert_allclose(names["features"][place], on, rtol=1e-3, atol=1e-3)
    assert names["left_out"] > 0
