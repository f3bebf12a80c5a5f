"""A folder that is listed while somebody renames what is in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from jupyter_core.utils import ensure_async
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager, LargeFileManager
from tornado.web import HTTPError

from interp_bench_ext.notebook.contents import why_unread
from interp_bench_ext.notebook.listing import list_what_is_there


class _Renaming:
    """The file is renamed as soon as its name has been read."""

    root_dir: str

    def should_list(self, name: str) -> bool:
        if name == "one.ipynb":
            Path(self.root_dir, name).rename(Path(self.root_dir, "100% new.ipynb"))
        return True


class _Later(_Renaming, AsyncLargeFileManager):
    pass


class _AtOnce(_Renaming, LargeFileManager):
    pass


@pytest.mark.parametrize("kind", [_Later, _AtOnce])
def test_what_is_renamed_meanwhile_is_left_out_and_the_folder_is_listed(kind: Any, root: Path) -> None:
    (root / "one.ipynb").touch()
    (root / "two.ipynb").touch()
    manager = kind(root_dir=str(root))
    list_what_is_there(manager)

    async def got(path: str, **asked: Any) -> Any:
        return await ensure_async(manager.get(path, **asked))

    listed = asyncio.run(got("", content=True))
    assert [entry["name"] for entry in listed["content"]] == ["two.ipynb"]
    asked: dict[str, Any]
    for path, asked in (("one.ipynb", {"content": False}), ("100% gone", {"type": "directory"})):
        with pytest.raises(HTTPError) as refused:
            asyncio.run(got(path, **asked))
        assert refused.value.status_code == 404
        assert path in str(refused.value)
    with pytest.raises(HTTPError) as refused:
        asyncio.run(got("one.ipynb", type="notebook"))
    assert why_unread(refused.value) == "there is none"
    assert asyncio.run(got("100% new.ipynb", content=False))["name"] == "100% new.ipynb"
