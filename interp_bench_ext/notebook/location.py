"""Where a notebook is below a Jupyter server's root folder, also after somebody has renamed it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_server.serverapp import ServerApp

from ..errors import BadInput, NotebookGone
from .renames import Renames, moved

_TOLD_S = 1.0
"""How long after a file has gone its server may take to say where to."""
_LOOK_S = 0.05


class NotebookLocation:
    """Binds a notebook to its file id where jupyter_server_fileid is there, else to its path as renames change it."""

    def __init__(self, serverapp: ServerApp, path: Path) -> None:
        """Raises BadInput where ``path`` is not below the server's root folder."""
        self._root = Path(serverapp.root_dir)
        self._settings: dict[str, Any] = serverapp.web_app.settings
        self._api = _below(self._root, path).as_posix()
        self._file_id: str | None = None
        Renames.of(serverapp).tell(self)

    @property
    def api(self) -> str:
        """The path that the contents API uses. Raises NotebookGone when the notebook is nowhere any more."""
        if self._file_id is not None:
            found = self._settings["file_id_manager"].get_path(self._file_id)
            if found is None:
                raise self.gone()
            self._api = PurePosixPath(found).as_posix()
        return self._api

    @property
    def name(self) -> str:
        return PurePosixPath(self._api).name

    @property
    def path(self) -> Path:
        """The absolute path. Raises NotebookGone when the notebook is nowhere any more."""
        return self._root / self.api

    def renamed(self, old: str, new: str) -> None:
        """Somebody has renamed what was at ``old``."""
        there = moved(PurePosixPath(self._api), PurePosixPath(old), PurePosixPath(new))
        if there is None:
            return
        if self._file_id is not None and old != self._api:
            # A file keeps its id when a folder above it is renamed, but not its path (jupyter_server_fileid 0.10).
            self._settings["file_id_manager"].move(self._api, there.as_posix())
        self._api = there.as_posix()

    async def moves_on(self, api: str) -> bool:
        """Whether the notebook turns out to have gone from ``api`` to another place, which its server says late."""
        until = time.monotonic() + _TOLD_S
        # A file id's path tells nobody that it changes.
        while self.api == api and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        return self.api != api

    def check(self) -> None:
        """Raises NotebookGone when the notebook is known to be nowhere any more."""
        _ = self.api

    def bind(self) -> None:
        """Follow the notebook from here on, which must exist."""
        ids = self._settings.get("file_id_manager")
        if ids is not None and self._file_id is None:
            self._file_id = ids.index(self._api)

    def gone(self) -> NotebookGone:
        """What to say when the notebook is not where it was."""
        return NotebookGone(
            f"The notebook {self._api} was deleted or moved away; put it back, "
            "or resume the run, which writes the notebook again."
        )


def _below(root: Path, path: Path) -> Path:
    # Either may go through a symbolic link.
    for base, target in ((root, path), (root.resolve(), path.parent.resolve() / path.name)):
        if target.is_relative_to(base):
            return target.relative_to(base)
    raise BadInput(f"The notebook {path} is not below {root}, the folder that this server shows; choose one there.")
