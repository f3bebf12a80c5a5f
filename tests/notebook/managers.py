"""Contents managers that a server can have: one whose disk is full, one that has no files at all."""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
from datetime import UTC, datetime
from typing import Any, ClassVar

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyter_server.services.contents.manager import AsyncContentsManager
from tornado.web import HTTPError


class DiskThatFillsUp(AsyncLargeFileManager):
    """Fails as the class that it is made of does when there is no room."""

    full: ClassVar[bool] = False

    async def save(self, model: dict[str, Any], path: str = "") -> Any:
        if self.full:
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise HTTPError(500, f"Unexpected error while saving file: {path} {error}")
        return await super().save(model, path)


class Shelf(AsyncContentsManager):
    """Keeps notebooks in memory, under times that tell nothing."""

    notebooks: ClassVar[dict[str, Any]] = {}

    async def file_exists(self, path: str = "") -> bool:
        return path in self.notebooks

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> dict[str, Any]:
        if path not in self.notebooks:
            raise HTTPError(404, f"No such notebook: {path}")
        text = json.dumps(self.notebooks[path]).encode()
        return {
            "name": path,
            "path": path,
            "type": "notebook",
            "writable": True,
            "last_modified": datetime(2000, 1, 1, tzinfo=UTC),
            "created": datetime(2000, 1, 1, tzinfo=UTC),
            "format": "json" if content else None,
            "mimetype": None,
            "content": copy.deepcopy(self.notebooks[path]) if content else None,
            "hash": hashlib.sha256(text).hexdigest() if require_hash else None,
            "hash_algorithm": "sha256" if require_hash else None,
        }

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        self.notebooks[path] = copy.deepcopy(model["content"])
        return await self.get(path, content=False)

    async def get_kernel_path(self, path: str, model: Any = None) -> str:
        return ""
