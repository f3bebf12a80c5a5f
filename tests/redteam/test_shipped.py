"""What ships, and what is read of files that others have made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from interp_bench_ext.agent.auxiliary import _listed
from interp_bench_ext.agent.streamed import written_json
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.autoencoder import read_autoencoder
from interp_bench_ext.sandbox.package import KERNEL_PARTS, METHOD_PARTS, PACKAGE
from interp_bench_ext.sealed_configs import packed, unpacked

from .suite import Trial, attempt

CONFIGS = Path(__file__).parents[2] / "configs"
ODD_JSON = {
    "deep": "[" * 100_000,
    "deep text": '["' + "[" * 100_000 + '"]' + "]" * 3,
    "digits": f'{{"k": {"9" * 5000}}}',
    "half a character": '{"hint": "tea \\ud800"}',
    "lists for objects": '{"metadata": [1], "activation_fn_kwargs": [1], "architecture": "topk"}',
    "layer": f'{{"hook_name": "blocks.{"9" * 5000}.hook_resid_post"}}',
    "kind": json.dumps({"architecture": ["x" * 10_000]}),
}
"""JSON that is none, that no parser gets through, or that can neither be kept nor sent."""


def shown(parts: tuple[str, ...]) -> str:
    """The text of those parts of this package."""
    places = [PACKAGE / part for part in parts]
    files = [file for place in places for file in (place.rglob("*.*") if place.is_dir() else [place])]
    return "\n".join(file.read_text("utf-8", "replace") for file in files if file.suffix != ".pyc")


@attempt("A16", "files", "What ships is told by the modules that kernels and custom methods are shown", veil="any")
def test_no_module_in_a_sandbox_names_what_ships(trial: Trial) -> None:
    truths = [yaml.safe_load(file.read_text("utf-8")) for file in sorted(CONFIGS.glob("ground_truth/*.yaml"))]
    marks = {f"truth {number}": truth["secret"] for number, truth in enumerate(truths) if truth.get("secret")}
    prompts = {file.name: file.read_text("utf-8")[:100] for file in CONFIGS.rglob("*.txt")}
    assert len(marks) > 30
    trial.marks = {**marks, **prompts}
    seen = shown(tuple(dict.fromkeys((*KERNEL_PARTS, *METHOD_PARTS))))
    assert len(seen) > 100_000
    trial.leak(seen, control=seen + marks["truth 0"])


@attempt("J3", "files", "Another user puts configs in the place of those that ship, whatever the umask", veil="any")
def test_only_the_user_can_change_what_is_unpacked(
    tmp_path: Path, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "archive").write_bytes(packed(CONFIGS / "ground_truth"))
    before = os.umask(0)
    try:
        folder = unpacked(tmp_path / "archive")
        open_to_all = tmp_path / "open"
        open_to_all.mkdir()
    finally:
        os.umask(before)
    trial.abuse(
        lambda folders: any(each.stat().st_mode & 0o077 for each in folders),
        [folder, folder.parent, folder.parents[1]],
        [open_to_all],
    )


def fails(read: Callable[[], object]) -> bool:
    """Whether it ends otherwise than by a short sentence of ours, or with what cannot be sent."""
    try:
        json.dumps(read(), ensure_ascii=False, default=str).encode()
    except BadInput as error:
        return len(error.message) > 300
    except Exception:  # noqa: BLE001
        return True
    return False


@attempt("L4", "files", "A description that is no JSON, or never ends, takes an organism or a run away", veil="any")
def test_odd_json_is_a_sentence_or_nothing(tmp_path: Path, trial: Trial) -> None:
    failed = []
    for name, text in ODD_JSON.items():
        (tmp_path / "cfg.json").write_text(text, "utf-8")
        readers = (
            lambda: read_autoencoder(tmp_path, torch.device("cpu")),
            lambda text=text: written_json(text),
            lambda text=text: _listed(f"Here: [{text}]"),
        )
        failed += [(name, place) for place, read in enumerate(readers) if fails(read)]
    plain = [name for name, text in ODD_JSON.items() if fails(lambda text=text: json.loads(text))]
    trial.abuse(len, failed, plain)
