"""A model hub on 127.0.0.1 with one repository, for whoever brings the right token."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_COMMIT = "1" * 40


class Hub(ThreadingHTTPServer):
    """Serves ``folder`` as ``repository``; counts the files that it gave away."""

    def __init__(self, folder: Path, repository: str, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.repository, self.token = folder, repository, token
        self.given = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:  # noqa: N802
        self._answer()

    def do_GET(self) -> None:  # noqa: N802
        self._answer()

    def _answer(self) -> None:
        hub, path = self.server, self.path.partition("?")[0]
        file = hub.folder / path.rpartition("/")[2]
        if self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._send(401, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
        elif path.startswith(f"/api/models/{hub.repository}"):
            told = self._tree() if "/tree/" in path else self._info()
            self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
        elif file.is_file():
            hub.given += self.command == "GET"
            content = file.read_bytes()
            self._send(200, content, {"ETag": f'"{_digest(content)}"', "X-Repo-Commit": _COMMIT})
        else:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})

    def _info(self) -> dict[str, Any]:
        listed = [{"rfilename": file.name} for file in sorted(self.server.folder.iterdir())]
        return {"id": self.server.repository, "sha": _COMMIT, "siblings": listed, "private": False, "tags": []}

    def _tree(self) -> list[dict[str, Any]]:
        files = sorted(self.server.folder.iterdir())
        return [
            {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _digest(file.read_bytes())}
            for file in files
        ]

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
