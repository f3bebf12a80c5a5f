"""Opens the notebooks of runs inside a running Jupyter server, so that a browser sees them live."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from jupyter_core.utils import ensure_async
from jupyter_server.serverapp import ServerApp

from ..contracts import Connection, Veil
from ..errors import BadInput, NotebookConflict
from ..record.event import JsonDict
from ..record.events import Emit
from .backend import NotebookBackend, NotebookCell, new_notebook, node_of
from .contents import ContentsBackend, clear_errors
from .kernels import choose_veil
from .location import NotebookLocation
from .readable import check_notebook
from .room import RoomsAreDead, collaboration_of
from .server_file import ServerFile
from .server_kernels import ServerKernels
from .session import GRACE_S, NotebookSession
from .whole_files import write_whole_files
from .work_dir import usable_work_dir


class ServerNotebooks:
    """Opens notebooks below the server's root, each for one run at a time."""

    def __init__(self, serverapp: ServerApp) -> None:
        write_whole_files(serverapp.contents_manager)
        self._serverapp = serverapp
        self._opening: set[Path] = set()
        self._sessions: WeakSet[NotebookSession] = WeakSet()

    @property
    def collaboration(self) -> bool:
        """Whether cells reach the open notebook through the shared document."""
        return collaboration_of(self._serverapp) is not None

    async def open(
        self,
        path: Path,
        *,
        emit: Emit,
        connection: Connection | None,
        run: str,
        veil: Veil | None = None,
        grace_s: float = GRACE_S,
    ) -> NotebookSession:
        """Open the notebook at ``path`` for a run, with a kernel of the server that is the notebook's own.

        Args:
            path: Absolute path of the notebook, below the server's root folder; it is made if it is not there.
            emit: Where events go; an event is out before its effect.
            connection: The organism that the kernel may talk to.
            run: Id of the run, written into the metadata of its cells.
            veil: None: a sandbox where one works.
            grace_s: How long a kernel may ignore an interrupt before it is ended.

        Raises:
            BadInput: The notebook is elsewhere, cannot be written, is no notebook or is in another run's hands,
                or the server cannot run kernels for an investigation.
            KernelDied: The kernel did not start.
        """
        location = NotebookLocation(self._serverapp, path)
        if self._serverapp.gateway_config.gateway_enabled:
            raise BadInput("This server runs its kernels on a gateway, which cannot run them for an investigation.")
        with self._reserved(location.path):
            chosen = choose_veil(veil, connection)
            work_dir = usable_work_dir(location.path)
            backend = await self._open_backend(location)
            session = NotebookSession(backend, emit=emit, connection=connection, run=run)
            kernels = ServerKernels(self._serverapp, location, veil=chosen, work_dir=work_dir)
            await session.use(kernels, grace_s=grace_s)
            self._sessions.add(session)
            return session

    async def begin(self, path: Path, cells: Sequence[NotebookCell]) -> None:
        """Make the notebook at ``path`` with these cells: whoever opens it before its run does sees no empty one.

        Raises:
            BadInput: It is elsewhere, or cannot be made.
        """
        location, manager = NotebookLocation(self._serverapp, path), self._serverapp.contents_manager
        content = {**new_notebook(), "cells": [node_of(cell, {}) for cell in cells]}
        await self._make(manager, location, content)

    @contextmanager
    def _reserved(self, path: Path) -> Iterator[None]:
        """Two runs in one notebook would each take the other's cells for a person's."""
        if path in self._opening or any(path == _path_of(session) for session in self._sessions):
            raise BadInput(f"Another run is working in the notebook {path}; stop it or choose another notebook.")
        self._opening.add(path)
        try:
            yield
        finally:
            self._opening.discard(path)

    async def _open_backend(self, location: NotebookLocation) -> NotebookBackend:
        manager: Any = self._serverapp.contents_manager
        extension = collaboration_of(self._serverapp)
        try:
            await self._prepare(manager, location, make=extension is not None)
        except NotebookConflict as error:
            raise BadInput(str(error)) from error
        if extension is None:
            return await ContentsBackend.of(ServerFile(manager, location))
        # Imported here, because a server without collaboration need not have what it needs.
        from .ydoc import YdocBackend

        try:
            return await YdocBackend.open(extension, location)
        except RoomsAreDead:
            self._serverapp.log.warning(
                "jupyter-collaboration serves no documents any more; %s is written to its file until this server is"
                " restarted",
                location.api,
            )
            return await ContentsBackend.of(ServerFile(manager, location))

    async def _prepare(self, manager: Any, location: NotebookLocation, *, make: bool) -> None:
        """Look whether the notebook can be read and written; ``make`` one that is not there."""
        path, api = location.path, location.api
        await asyncio.to_thread(check_notebook, path)
        if await ensure_async(manager.file_exists(api)):
            with clear_errors(path, "read"):
                model = await ensure_async(manager.get(api, type="notebook"))
            if not model["writable"]:
                raise BadInput(f"The notebook {path} cannot be written; choose another one.")
        elif make:
            await self._make(manager, location, new_notebook())

    async def _make(self, manager: Any, location: NotebookLocation, content: JsonDict) -> None:
        with clear_errors(location.path, "made"):
            model = {"type": "notebook", "format": "json", "content": content}
            await ensure_async(manager.save(model, location.api))


def _path_of(session: NotebookSession) -> Path | None:
    """Where the session's notebook is, None when it is closed or its notebook is gone."""
    try:
        return None if session.closed else session.path
    except NotebookConflict:
        return None
