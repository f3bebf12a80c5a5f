"""Where a rename puts what, and what becomes of the work folder beside a notebook."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from interp_bench_ext.notebook.renames import moved
from interp_bench_ext.notebook.work_dir import move_work_dir


@pytest.mark.parametrize(
    ("path", "there"),
    [("a/n.ipynb", "b/n.ipynb"), ("a", "b"), ("ab/n.ipynb", None), ("c.ipynb", None)],
)
def test_what_a_rename_moves(path: str, there: str | None) -> None:
    found = moved(PurePosixPath(path), PurePosixPath("a"), PurePosixPath("b"))
    assert (None if found is None else found.as_posix()) == there


def test_a_work_folder_goes_where_its_notebook_went(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "n_files").mkdir()
    (tmp_path / "n_files" / "kept.txt").write_text("kept")
    move_work_dir(tmp_path / "n.ipynb", tmp_path / "sub" / "m.ipynb")
    assert (tmp_path / "sub" / "m_files" / "kept.txt").read_text() == "kept"
    assert not (tmp_path / "n_files").exists()


def test_nothing_takes_the_place_of_a_folder_and_no_link_is_moved(tmp_path: Path) -> None:
    for name in ("n_files", "m_files", "secret"):
        (tmp_path / name).mkdir()
    (tmp_path / "l_files").symlink_to(tmp_path / "secret")
    move_work_dir(tmp_path / "n.ipynb", tmp_path / "m.ipynb")
    move_work_dir(tmp_path / "l.ipynb", tmp_path / "k.ipynb")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l_files", "m_files", "n_files", "secret"]
