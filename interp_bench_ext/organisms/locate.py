"""From the names in a spec to folders on this machine, which is all that a loader is given."""

from __future__ import annotations

from pathlib import Path

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.bundled import ensure_bundled
from interp_bench_ext.host.folders import adapter_config
from interp_bench_ext.host.sources import Progress, Sources
from interp_bench_ext.host.spec import OrganismSpec, as_reference, with_detail
from interp_bench_ext.organisms.download import download

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
"""Any of these holds a tokenizer's vocabulary."""


def locate(spec: OrganismSpec, on_progress: Progress | None = None) -> Sources:
    """Find everything that ``spec`` names without loading it; a bundled model is unpacked, a hub id downloaded.

    Raises BadInput for a missing path, a folder that is no adapter, an adapter without a base model, and a hub that
    cannot be reached.
    """
    report = on_progress or (lambda _stage, _done, _total: None)
    adapter = _place(spec.name, "model.name", spec.revision, report) if spec.is_peft else None
    named = _base_of(spec, Path(adapter)) if adapter else spec.name
    key, revision = ("model.base_model", spec.base_revision) if spec.is_peft else ("model.name", spec.revision)
    if named.startswith("bundled:"):
        found = ensure_bundled(named, on_progress=on_progress)
        model, merge = str(found.path), str(found.adapter) if found.adapter else None
    else:
        model, merge = _place(named, key, revision, report), None
    tokenizer = adapter if adapter and _has_tokenizer(Path(adapter)) else model
    if spec.tokenizer and spec.tokenizer.startswith("bundled:"):
        tokenizer = str(ensure_bundled(spec.tokenizer, on_progress=on_progress).path)
    elif spec.tokenizer:
        tokenizer = _place(spec.tokenizer, "model.tokenizer", spec.tokenizer_revision, report)
    reference = None
    if spec.reference is not None:
        with as_reference():
            reference = locate(spec.reference, on_progress)
    sae = _place(spec.sae, "model.sae", None, report) if spec.sae else None
    oracle = _place(spec.oracle, "model.oracle", spec.oracle_revision, report) if spec.oracle else None
    return Sources(
        model=model, merge=merge, adapter=adapter, tokenizer=tokenizer, reference=reference, sae=sae, oracle=oracle
    )


def _has_tokenizer(adapter: Path) -> bool:
    """Whether the adapter was saved with the tokenizer that it was trained with, template and added tokens included."""
    return any((adapter / name).is_file() for name in _TOKENIZERS)


def _place(named: str, key: str, revision: str | None, report: Progress) -> str:
    if not named.startswith(("/", "~", ".")) and not Path(named).is_absolute():
        report("downloading", 0, 1)
        folder = download(named, revision, key)
        report("downloading", 1, 1)
        return str(folder)
    path = Path(named).expanduser()
    if not path.is_dir():
        raise with_detail(BadInput(f"{key}: there is no folder at the path that it gives."), f"{key} is {named!r}.")
    return str(path.resolve())


def _base_of(spec: OrganismSpec, adapter: Path) -> str:
    config = adapter / "adapter_config.json"
    if not config.is_file():
        below = sorted(found.parent.name for found in adapter.glob("*/adapter_config.json"))
        hint = (
            f"its folder {below[-1]} holds one: name that" if below else "set model.is_peft to false for a whole model"
        )
        raise with_detail(
            BadInput(f"model.name: this is not a PEFT adapter (it has no adapter_config.json); {hint}."),
            f"No file {config}.",
        )
    base = spec.base_model or adapter_config(adapter, "model.name").get("base_model_name_or_path")
    if not base:
        raise BadInput("model.base_model is missing, and the adapter's own configuration does not name it.")
    return str(base)
