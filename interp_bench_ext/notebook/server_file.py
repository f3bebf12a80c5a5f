"""A notebook file behind a Jupyter server's own contents manager, which need not keep files at all."""

from __future__ import annotations

import contextlib
import copy
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import nbformat
from jupyter_core.utils import ensure_async
from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import ApiPath, to_os_path
from tornado.web import HTTPError

from ..errors import NotebookConflict
from ..record.event import JsonDict
from .contents import clear_errors, file_stamp
from .location import NotebookLocation

SaveListener = Callable[[JsonDict, str], None]
"""Called with the model that is saved and the path in the contents API."""

_LISTENERS: WeakKeyDictionary[Any, list[SaveListener]] = WeakKeyDictionary()


class ServerFile:
    """Follows the notebook when it is renamed. One that is gone is a conflict: nobody wants it back unasked."""

    def __init__(self, contents_manager: Any, location: NotebookLocation) -> None:
        self._manager = contents_manager
        self._is_folder = isinstance(contents_manager, FileManagerMixin)
        self._location = location
        self._was_there = False
        self._written: JsonDict | None = None
        self._unlisten: Callable[[], None] = lambda: None
        self._hashes = "require_hash" in inspect.signature(contents_manager.get).parameters

    @property
    def path(self) -> Path:
        return self._location.path

    async def stamp(self) -> object | None:
        found = await self._stamp_at(api := self._location.api)
        while found is None and self._was_there:
            if not await self._location.moves_on(api):
                raise self._location.gone()
            found = await self._stamp_at(api := self._location.api)
        self._was_there = self._was_there or found is not None
        return found

    async def read(self) -> JsonDict:
        api = self._location.api
        with clear_errors(self._location.path, "read"):
            model = await ensure_async(self._manager.get(api, type="notebook"))
        self._location.bind()
        content: JsonDict = model["content"]
        return content

    async def write(self, notebook: JsonDict) -> None:
        api = self._location.api
        # Hooks of the server may change what they are given.
        self._written = {"type": "notebook", "format": "json", "content": copy.deepcopy(notebook)}
        with clear_errors(self._location.path, "written"):
            await ensure_async(self._manager.save(self._written, api))
        self._was_there = True
        self._location.bind()

    def listen(self, heard: Callable[[JsonDict], None]) -> None:
        def on_model(model: JsonDict, path: str) -> None:
            with contextlib.suppress(NotebookConflict):
                if path == self._location.api and model is not self._written:
                    reads: Any = nbformat.reads
                    heard(reads(json.dumps(model["content"]), as_version=4))

        self._unlisten = _on_save(self._manager, on_model)

    def close(self) -> None:
        self._unlisten()

    async def _stamp_at(self, api: str) -> object | None:
        if self._is_folder:
            return file_stamp(Path(to_os_path(ApiPath(api), self._manager.root_dir)))
        return await self._stamp_of_model(api)

    async def _stamp_of_model(self, api: str) -> object | None:
        # Times alone may be too coarse to tell two changes apart.
        hashed = {"require_hash": True} if self._hashes else {}
        try:
            with clear_errors(self._location.path, "read"):
                model = await ensure_async(self._manager.get(api, type="notebook", content=False, **hashed))
        except NotebookConflict as error:
            if isinstance(error.__cause__, HTTPError) and error.__cause__.status_code == 404:
                return None
            raise
        return (model["last_modified"], model.get("size"), model.get("hash"))


def _on_save(contents_manager: Any, listener: SaveListener) -> Callable[[], None]:
    """Call ``listener`` at each save of any notebook; returns what ends that."""
    if contents_manager not in _LISTENERS:
        _LISTENERS[contents_manager] = []
        # A hook cannot be taken back, so there is one, and it asks who listens.
        contents_manager.register_pre_save_hook(_tell)
    listeners = _LISTENERS[contents_manager]
    listeners.append(listener)

    def end() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return end


def _tell(*, model: JsonDict, path: str, contents_manager: Any, **_: Any) -> None:
    if model.get("type") == "notebook" and isinstance(model.get("content"), dict):
        for listener in list(_LISTENERS.get(contents_manager, ())):
            listener(model, path.strip("/"))
