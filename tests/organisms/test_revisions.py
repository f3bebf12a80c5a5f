from __future__ import annotations

import os
from pathlib import Path

import pytest

from interp_bench_ext.host.bundled import _SMOLLM2, GgufPackage, folder_of, package_of
from interp_bench_ext.host.sources import Sources
from interp_bench_ext.organisms import revisions
from interp_bench_ext.organisms.revisions import COMMIT_FILE, revisions_of
from interp_bench_ext.record.provenance import Revision

COMMIT = "40c069824f4251a91eefaf281ebe4c544efd3e18"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "interp_bench"


def sources(model: Path, adapter: Path | None = None, tokenizer: Path | None = None) -> Sources:
    return Sources(
        model=str(model), merge=None, adapter=str(adapter) if adapter else None, tokenizer=str(tokenizer or model)
    )


def folder_with(path: Path, **files: bytes) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name.replace("_", ".", 1)).write_bytes(content)
    return path


def test_a_hub_snapshot_is_its_commit(tmp_path: Path) -> None:
    snapshot = folder_with(tmp_path / "models--owner--name" / "snapshots" / COMMIT, model_safetensors=b"w")
    found = revisions_of(sources(snapshot))
    assert found == (Revision(part="model", kind="hub commit", revision=COMMIT),)
    assert str(found[0]) == f"model: hub commit {COMMIT}"


def test_what_a_container_took_out_of_the_hubs_cache_is_still_its_commit(tmp_path: Path) -> None:
    taken = folder_with(tmp_path / "taken", model_safetensors=b"w")
    (taken / COMMIT_FILE).write_text(COMMIT, encoding="utf-8")
    assert revisions_of(sources(taken))[0].revision == COMMIT
    (taken / COMMIT_FILE).write_text("", encoding="utf-8")
    assert revisions_of(sources(taken))[0].kind == "unknown"


def test_a_bundled_model_is_its_packages_version(tmp_path: Path) -> None:
    made = GgufPackage(requirement="weights==1.2", module="weights", file="w.gguf", sha256="0" * 64, wheel_bytes=1)
    assert package_of(tmp_path) is None
    unpacked = folder_of("smollm2-135m-instruct", _SMOLLM2)
    found = revisions_of(sources(folder_with(unpacked, model_safetensors=b"w")))
    assert (found[0].kind, found[0].revision) == ("bundled package", _SMOLLM2.requirement)
    assert folder_of("smollm2-135m-instruct", made) != unpacked


def test_files_of_ones_own_are_known_by_their_contents(tmp_path: Path) -> None:
    def digest(path: str, weights: bytes, config: bytes = b"{}") -> str:
        folder = folder_with(tmp_path / path, adapter_safetensors=weights, adapter_json=config, notes_md=path.encode())
        found = revisions_of(sources(tmp_path / "model", adapter=folder))
        return found[1].revision

    folder_with(tmp_path / "model", model_safetensors=b"base")
    first = digest("one", b"weights")
    assert digest("two", b"weights") == first, "a copy elsewhere is the same"
    assert digest("one", b"WEIGHTS") != first, "trained again: same names, sizes and index"
    assert digest("one", b"weights", b'{"r": 8}') != first


def test_parts_are_told_apart_and_a_models_own_tokenizer_is_no_part(tmp_path: Path) -> None:
    model, other = folder_with(tmp_path / "m", a_json=b"1"), folder_with(tmp_path / "t", a_json=b"2")
    assert [one.part for one in revisions_of(sources(model))] == ["model"]
    assert [one.part for one in revisions_of(sources(model, model, other))] == ["model", "adapter", "tokenizer"]


def test_a_large_file_is_read_once_until_it_changes(tmp_path: Path, cache: Path) -> None:
    folder = folder_with(tmp_path / "large", model_safetensors=bytes(revisions._KEPT_FROM_BYTES))
    file = folder / "model.safetensors"
    first = revisions_of(sources(folder))
    kept = (cache / "digests.json").read_text("utf-8")
    assert str(file) in kept
    before = file.stat()
    with file.open("r+b") as opened:  # same size, and the time set back: the cache is believed
        opened.write(b"x")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert revisions_of(sources(folder)) == first
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert revisions_of(sources(folder)) != first
