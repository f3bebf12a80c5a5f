from __future__ import annotations

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.runs.notebook_paths import Places
from tests.redteam.suite import attempt


@pytest.fixture
def places(tmp_path):
    (tmp_path / "root" / "deep" / "x.ipynb").mkdir(parents=True)
    return Places(tmp_path / "root")


def test_a_path_goes_to_a_file_and_back(places):
    file = places.notebook("deep/a.ipynb")
    assert file == places.root / "deep" / "a.ipynb"
    assert places.shown(file) == "deep/a.ipynb"
    assert places.notebook("/a.ipynb") == places.root / "a.ipynb"
    assert places.notebook(f"{places.root}/deep/a.ipynb") == file
    assert places.shown(places.root.parent / "a.ipynb") is None


@attempt("K5", "REST", "Notebook paths out of the root", veil="any")
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("../a.ipynb", "no path below"),
        ("deep/../../a.ipynb", "no path below"),
        ("", "no path below"),
        ("a\0.ipynb", "no path below"),
        ("a.txt", "ends in .ipynb"),
        (".ipynb", "hidden"),
        (".secret/a.ipynb", "hidden"),
        ("none/a.ipynb", "there is no folder 'none' in this server's folder"),
        ("/etc/a.ipynb", "there is no folder 'etc' in this server's folder"),
        ("x" * 195 + ".ipynb", "at most 200 bytes"),
        ("研" * 70 + ".ipynb", "at most 200 bytes"),
        ("deep/x.ipynb", "this is a folder"),
    ],
)
def test_a_path_that_cannot_be_is_refused(places, path, told):
    with pytest.raises(BadInput, match=told):
        places.notebook(path)


@pytest.mark.parametrize("path", ["out.ipynb", "data/b.ipynb", "in.ipynb", "data/new.ipynb", "nowhere.ipynb"])
def test_no_link_is_followed_and_nothing_is_said_of_where_it_leads(places, tmp_path, path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.ipynb").touch()
    (places.root / "out.ipynb").symlink_to(tmp_path / "elsewhere" / "b.ipynb")
    (places.root / "data").symlink_to(tmp_path / "elsewhere")
    (places.root / "in.ipynb").symlink_to(places.root / "deep" / "a.ipynb")
    (places.root / "nowhere.ipynb").symlink_to("gone")
    with pytest.raises(BadInput, match="this is a link") as refused:
        places.notebook(path)
    assert not {"elsewhere", "deep", "gone"} & set(str(refused.value).replace("/", " ").split())


@pytest.mark.parametrize("path", ["one_files/b.ipynb", "one_files/deep/b.ipynb", "ONE_FILES/b.ipynb"])
def test_no_notebook_is_in_a_work_folder_also_when_its_own_notebook_was_moved_away(places, path):
    (places.root / path).parent.mkdir(parents=True)
    with pytest.raises(BadInput, match="are the kernels'"):
        places.notebook(path)


def test_a_root_in_a_work_folder_is_none(tmp_path):
    (tmp_path / "one_files").mkdir()
    assert Places(tmp_path / "one_files").notebook("b.ipynb") == (tmp_path / "one_files" / "b.ipynb").resolve()
    (tmp_path / "one.ipynb").touch()
    with pytest.raises(BadInput, match="work folder"):
        Places(tmp_path / "one_files")


def test_a_new_notebook_takes_no_name_that_is_taken(places):
    (places.root / "amber.ipynb").touch()
    second = places.fresh("amber", taken=())
    assert second.name == "amber-1.ipynb"
    (places.root / "flint.ipynb").symlink_to("gone")
    assert places.fresh("flint", taken=()).name == "flint-1.ipynb"
    assert places.fresh("amber", taken={second}).name == "amber-2.ipynb"
