from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.notebook.work_dir import usable_work_dir


def test_it_is_made_beside_the_notebook(tmp_path: Path):
    for _ in range(2):
        folder = usable_work_dir(tmp_path / "deep" / "a.ipynb")
        assert folder == (tmp_path / "deep" / "a_files").resolve()
        assert folder.is_dir()


def test_a_link_in_its_place_is_refused_and_stays(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a_files").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="cannot be made"):
        usable_work_dir(tmp_path / "a.ipynb")
    assert (tmp_path / "a_files").is_symlink()


@pytest.mark.parametrize("notebook", ["one_files/b.ipynb", "one_files/h/b.ipynb", "latest/b.ipynb"])
def test_a_notebook_in_a_work_folder_gets_none(tmp_path: Path, notebook: str):
    (tmp_path / "one.ipynb").touch()
    (tmp_path / "one_files").mkdir()
    (tmp_path / "one_files" / "h").symlink_to(tmp_path)
    (tmp_path / "latest").symlink_to("one_files/h")
    with pytest.raises(BadInput, match="work folder"):
        usable_work_dir(tmp_path / notebook)
    assert not (tmp_path / "b_files").exists()


def test_what_cannot_be_a_folder_is_one_sentence(tmp_path: Path):
    (tmp_path / "a_files").write_text("")
    with pytest.raises(BadInput, match="cannot be made"):
        usable_work_dir(tmp_path / "a.ipynb")


@pytest.mark.parametrize("left", [False, True])
def test_an_empty_one_goes_with_its_kernel(tmp_path: Path, left: bool):
    async def scenario() -> None:
        session = await NotebookSession.open(tmp_path / "n.ipynb", emit=lambda event: None, connection=None)
        if left:
            (tmp_path / "n_files" / "kept").touch()
        await session.restart_kernel()
        assert (tmp_path / "n_files").is_dir()
        await session.close()

    asyncio.run(scenario())
    assert (tmp_path / "n_files").exists() is left
