from __future__ import annotations

from pathlib import Path

import pytest
from jupyter_server.services.contents.filemanager import FileContentsManager
from tornado.web import HTTPError

from interp_bench_ext.errors import BadInput
from interp_bench_ext.notebook.whole_files import only_over, stamp_of, whole_file, write_whole_files


def write(path: Path, text: str) -> None:
    with whole_file(str(path), encoding="utf-8") as file:
        file.write(text)


def test_nobody_reads_half_of_a_file(tmp_path: Path):
    file = tmp_path / "n.ipynb"
    file.write_text("old")
    with whole_file(str(file), encoding="utf-8") as opened:
        opened.write("new")
        opened.flush()
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]


def test_what_fails_half_way_changes_nothing(tmp_path: Path):
    file = tmp_path / "n.ipynb"
    file.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(str(file), encoding=None) as opened:
        opened.write(bytes(1 // 0))
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]


def test_a_link_stays_one(tmp_path: Path):
    (tmp_path / "real.ipynb").write_text("old")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "real.ipynb")
    write(tmp_path / "link.ipynb", "new")
    assert (tmp_path / "link.ipynb").is_symlink()
    assert (tmp_path / "real.ipynb").read_text() == "new"


def test_a_link_in_a_kernels_work_folder_leads_nowhere(tmp_path: Path):
    (tmp_path / "n.ipynb").touch()
    (tmp_path / "n_files").mkdir()
    (tmp_path / "n_files" / "link.ipynb").symlink_to(tmp_path / "secret.ipynb")
    with pytest.raises(BadInput):
        write(tmp_path / "n_files" / "link.ipynb", "x")
    assert not (tmp_path / "secret.ipynb").exists()


def test_a_file_is_replaced_only_as_it_was_read(tmp_path: Path):
    file = tmp_path / "n.ipynb"
    file.write_text("old")
    with only_over(stamp_of(file)) as replacement:
        write(file, "mine")
    assert (file.read_text(), replacement.after) == ("mine", stamp_of(file))
    before = stamp_of(file)
    file.write_text("a person's")
    with only_over(before), pytest.raises(HTTPError, match="has just been written or moved by somebody else"):
        write(file, "mine again")
    assert file.read_text() == "a person's"


def test_a_file_that_is_not_there_yet_is_made_whatever_was_expected(tmp_path: Path):
    with only_over(None) as replacement:
        write(tmp_path / "n.ipynb", "x")
    assert replacement.after == stamp_of(tmp_path / "n.ipynb")


def test_a_servers_own_saves_are_whole_too(tmp_path: Path):
    manager = FileContentsManager(root_dir=str(tmp_path))
    write_whole_files(manager)
    manager.save({"type": "file", "format": "text", "content": "x"}, "a.txt")
    before = (tmp_path / "a.txt").stat().st_ino
    manager.save({"type": "file", "format": "text", "content": "y"}, "a.txt")
    assert (tmp_path / "a.txt").read_text() == "y"
    assert (tmp_path / "a.txt").stat().st_ino != before, "another file has taken its place"


def test_a_manager_that_writes_otherwise_or_keeps_no_files_stays_as_it_is(tmp_path: Path):
    manager = FileContentsManager(root_dir=str(tmp_path), use_atomic_writing=False)
    write_whole_files(manager)
    assert "atomic_writing" not in vars(manager)
    write_whole_files(object())
