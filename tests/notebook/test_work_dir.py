from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.notebook.work_dir import usable_work_dir


def test_it_is_made_beside_the_notebook(tmp_path: Path):
    folder = usable_work_dir(None, notebook=tmp_path / "a.ipynb")
    assert folder == (tmp_path / "a_files").resolve()
    assert folder.is_dir()
    assert usable_work_dir(tmp_path / "deep" / "er", notebook=tmp_path / "a.ipynb").is_dir()


def test_the_kernel_must_not_see_the_notebook_through_it(tmp_path: Path):
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in (tmp_path, tmp_path / "link"):
        with pytest.raises(BadInput, match="holds the notebook"):
            usable_work_dir(folder, notebook=tmp_path / "a.ipynb")


def test_what_cannot_be_a_folder_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be made"):
        usable_work_dir(tmp_path / "file", notebook=tmp_path / "a.ipynb")
