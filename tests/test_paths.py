"""What code of an agent has left in a kernel's work folder leads nowhere."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.paths import (
    make_folder,
    notebook_path,
    opened_folder,
    outside_work_folders,
    real_path,
    replaced,
    work_folder_around,
    work_folder_of,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a notebook, its work folder, and ways into and out of that."""
    root = tmp_path / "root"
    (root / "one_files" / "deep").mkdir(parents=True)
    (root / "one.ipynb").touch()
    (root / "secret").mkdir()
    (root / "one_files" / "out").symlink_to(root / "secret")
    (root / "one_files" / "up").symlink_to("../secret")
    (root / "mine").symlink_to("secret")
    (root / "twice").symlink_to(root / "mine")
    (root / "in").symlink_to("one_files/out")
    (root / "circle").symlink_to("circle")
    return root


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("mine", "secret"),
        ("twice/new/x", "secret/new/x"),
        ("one_files/deep", "one_files/deep"),
        ("one_files/deep/../../mine", "secret"),
        ("none/../secret", "secret"),
    ],
)
def test_links_that_a_person_has_made_are_followed(root: Path, path: str, leads_to: str):
    assert real_path(root / path) == (root / leads_to).resolve()


@pytest.mark.parametrize("path", ["one_files/out", "one_files/up/x", "one_files/deep/../out", "in", "in/x", "circle/x"])
def test_links_in_a_work_folder_lead_nowhere(root: Path, path: str):
    with pytest.raises(BadInput, match="link") as refused:
        real_path(root / path)
    assert "secret" not in str(refused.value)


def test_the_folder_s_name_is_enough_where_its_notebook_may_have_been_moved_away(root: Path):
    (root / "one.ipynb").rename(root / "uno.ipynb")
    assert real_path(root / "one_files" / "out") == root / "secret"
    with pytest.raises(BadInput):
        real_path(root / "one_files" / "out", root=root)
    assert work_folder_around(root / "one_files" / "deep", root=root) == root / "one_files"
    assert work_folder_around(root / "secret", root=root) is None
    assert work_folder_around(root / "secret", root=root / "secret") is None


def test_nothing_of_a_run_is_in_a_work_folder(root: Path):
    assert outside_work_folders(root / "mine") == root / "secret"
    assert notebook_path(root / "mine" / "b.ipynb") == root / "secret" / "b.ipynb"
    for path in ("one_files", "one_files/deep", "in"):
        with pytest.raises(BadInput, match="work folder"):
            outside_work_folders(root / path)
    (root / "b.ipynb").symlink_to("one.ipynb")
    with pytest.raises(BadInput, match="is a link"):
        notebook_path(root / "b.ipynb")


def test_a_folder_is_reached_and_made_through_no_link(root: Path):
    with opened_folder(root / "secret") as folder:
        assert os.fstat(folder).st_ino == (root / "secret").stat().st_ino
    for linked in (root / "mine", root / "one_files" / "out"):
        with pytest.raises(OSError), opened_folder(linked):
            pass
        with pytest.raises(OSError):
            make_folder(linked)
        with pytest.raises(OSError):
            make_folder(linked / "new")
    make_folder(root / "new")
    make_folder(root / "new")
    assert list((root / "secret").iterdir()) == []


def test_a_link_is_replaced_and_what_it_leads_to_stays(root: Path):
    (root / "keys").write_text("mine")
    (root / "report.html").symlink_to("keys")
    with replaced(root / "report.html") as file:
        file.write("new")
    assert ((root / "report.html").read_text(), (root / "keys").read_text()) == ("new", "mine")
    with pytest.raises(OSError), replaced(root / "mine" / "x"):
        pass


def test_a_file_keeps_its_permissions_and_stays_whole_when_the_new_one_fails(root: Path):
    file = root / "x"
    file.write_bytes(b"old")
    file.chmod(0o640)

    @contextmanager
    def refuse(fresh: os.stat_result):
        assert fresh.st_size == 3
        raise RuntimeError
        yield

    before = sorted(root.iterdir())
    with pytest.raises(RuntimeError), replaced(file, encoding=None, meanwhile=refuse) as draft:
        draft.write(b"new")
    assert (file.read_bytes(), sorted(root.iterdir())) == (b"old", before)
    with replaced(file, encoding=None) as draft:
        draft.write(b"new")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o640)


def test_a_folder_that_is_swapped_for_a_link_meanwhile_gets_nothing(root: Path):
    """What was opened is written to, whatever its path leads to by then."""
    folder = root / "plain"
    folder.mkdir()
    with replaced(folder / "x") as file:
        folder.rename(root / "moved")
        folder.symlink_to("secret")
        file.write("new")
    assert (root / "moved" / "x").read_text() == "new"
    assert list((root / "secret").iterdir()) == []


def test_a_work_folder_is_beside_its_notebook(root: Path):
    assert work_folder_of(root / "one.ipynb") == root / "one_files"
