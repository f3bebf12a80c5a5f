"""Bytes that the plane keeps: blobs and files of mounts by content, volumes as folders, and blobs over HTTP."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from aiohttp import web


class Store:
    def __init__(self, root: Path) -> None:
        self.files, self.volumes, self._blobs = root / "files", root / "volumes", root / "blobs"
        for folder in (self.files, self.volumes, self._blobs):
            folder.mkdir(parents=True, exist_ok=True)
        self.blob_bytes = 0
        """Bytes that went through the object store."""

    def volume(self, volume_id: str) -> Path:
        folder = self.volumes / volume_id
        folder.mkdir(exist_ok=True)
        return folder

    def has(self, sha256: str) -> bool:
        return (self.files / sha256).exists()

    def put(self, sha256: str, data: bytes) -> None:
        assert hashlib.sha256(data).hexdigest() == sha256
        (self.files / sha256).write_bytes(data)

    def link(self, sha256: str, target: Path, mode: int) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.unlink()
        os.link(self.files / sha256, target)
        if mode:
            target.chmod(mode & 0o777)

    def blob(self, blob_id: str) -> bytes:
        return (self._blobs / blob_id).read_bytes()

    def routes(self) -> list[web.RouteDef]:
        return [web.put("/blob/{id}", self._put_blob), web.get("/blob/{id}", self._get_blob)]

    @staticmethod
    def new_blob() -> str:
        return f"bl-{secrets.token_hex(8)}"

    async def _put_blob(self, request: web.Request) -> web.Response:
        data = await request.read()
        self.blob_bytes += len(data)
        (self._blobs / request.match_info["id"]).write_bytes(data)
        return web.Response(headers={"ETag": f'"{hashlib.md5(data).hexdigest()}"'})  # noqa: S324 - as S3 has it

    async def _get_blob(self, request: web.Request) -> web.Response:
        return web.Response(body=self.blob(request.match_info["id"]))
