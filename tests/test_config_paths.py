from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from interp_bench_ext.config_paths import Folder, ModelSource, TextFile


def read(kind: object, value: str, folder: Path) -> str:
    """A key's value in a config that lies in ``folder``."""
    found: str = TypeAdapter(kind).validate_python(value, context={"folder": folder})
    return found


def test_a_folder_beside_the_config_wins_over_a_hub_id_of_that_spelling(tmp_path: Path) -> None:
    assert read(ModelSource, "org/model", tmp_path) == "org/model"
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert read(ModelSource, "org/model", tmp_path) == str(tmp_path / "org" / "model")
    assert read(ModelSource, "bundled:birch", tmp_path) == "bundled:birch"
    for path in ("./nowhere", "/nowhere", "a/b/c"):
        with pytest.raises(ValidationError, match="there is no folder"):
            read(ModelSource, path, tmp_path)
    with pytest.raises(ValidationError, match="at least 1 character"):
        read(ModelSource, "", tmp_path)


def test_files_and_folders_are_looked_for_from_the_config_on(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("Look.", "utf-8")
    assert read(TextFile, "prompt.md", tmp_path) == "prompt.md"
    with pytest.raises(ValidationError, match="cannot be read; give the path of a text file"):
        read(TextFile, "other.md", tmp_path)
    assert read(Folder, ".", tmp_path) == str(tmp_path)
    with pytest.raises(ValidationError, match="there is no folder"):
        read(Folder, "prompt.md", tmp_path)
