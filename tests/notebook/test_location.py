from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.errors import BadInput, NotebookGone
from interp_bench_ext.notebook.location import NotebookLocation

from .support import BareServer


class FileIds:
    """File ids as jupyter_server_fileid gives them: each follows its file."""

    def __init__(self) -> None:
        self.paths: dict[str, str | None] = {}

    def index(self, path: str) -> str:
        self.paths["1"] = path
        return "1"

    def get_path(self, file_id: str) -> str | None:
        return self.paths[file_id]


def server(root: Path, **settings: Any) -> Any:
    return BareServer(root, **settings)


def test_a_path_below_the_root_is_one_of_the_contents_api(tmp_path: Path):
    location = NotebookLocation(server(tmp_path), tmp_path / "a" / "n.ipynb")
    assert (location.api, location.name, location.path) == ("a/n.ipynb", "n.ipynb", tmp_path / "a" / "n.ipynb")


def test_either_may_go_through_a_link(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for root, path in (("real", "link"), ("link", "real"), ("link", "link")):
        assert NotebookLocation(server(tmp_path / root), tmp_path / path / "n.ipynb").api == "n.ipynb"


def test_elsewhere_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match="is not below .*, the folder that this server shows; choose one there"):
        NotebookLocation(server(tmp_path / "root"), tmp_path / "n.ipynb")


def test_it_is_followed_once_it_is_bound_and_told_when_it_is_gone(tmp_path: Path):
    ids = FileIds()
    location = NotebookLocation(server(tmp_path, file_id_manager=ids), tmp_path / "n.ipynb")
    location.check()
    location.bind()
    ids.paths["1"] = "sub/m.ipynb"
    location.bind()
    assert (location.api, location.name, location.path) == ("sub/m.ipynb", "m.ipynb", tmp_path / "sub" / "m.ipynb")
    ids.paths["1"] = None
    for look in (location.check, lambda: location.path):
        with pytest.raises(NotebookGone, match=r"^The notebook sub/m\.ipynb was deleted or moved away; put it back"):
            look()


def test_without_file_ids_it_stays_where_it_was(tmp_path: Path):
    location = NotebookLocation(server(tmp_path), tmp_path / "n.ipynb")
    location.bind()
    assert location.api == "n.ipynb"
