"""The one place that knows how jupyter-collaboration keeps a document: enter its room, stay, save, leave."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from jupyter_server.serverapp import ServerApp
from tornado.web import HTTPError

from ..errors import BadInput, NotebookConflict, NotebookGone
from ..record.event import JsonDict
from .contents import why_unread
from .location import NotebookLocation

_EXTENSION = "jupyter_server_ydoc"
_RIVAL = "jupyter_server_documents"
_SAVE_INTERVAL_S = 1.0
_SAVE_ATTEMPTS = 3
_AGENT = {
    "username": "interp-bench-agent",
    "name": "Agent",
    "display_name": "Agent",
    "initials": "A",
    "color": "var(--jp-collaborator-color1)",
}


class RoomsAreDead(Exception):
    """The collaboration extension has ended at an error, and will serve no room until the server is restarted."""


def collaboration_of(serverapp: ServerApp) -> Any | None:
    """The collaboration extension where documents are shared through it, else None."""
    extensions = serverapp.extension_manager.extensions
    if _EXTENSION not in extensions or not extensions[_EXTENSION].enabled:
        return None
    if _RIVAL in extensions and extensions[_RIVAL].enabled:
        # It takes the other's place in the settings, and its documents are not like the other's.
        return None
    found = serverapp.web_app.settings.get(_EXTENSION)
    # What is only like it has no rooms that one could stay in.
    return None if found is None or getattr(found, "disable_rtc", True) else found


class SharedRoom:
    """A seat in the room of one notebook: while it is taken the document lives, with or without a browser."""

    def __init__(self, extension: Any, room: Any, location: NotebookLocation) -> None:
        self.document = room._document
        """The YNotebook that browsers have."""
        self.after_reload: Callable[[], Awaitable[None]] = _nothing
        """Called when the document has been loaded from its file again, before it is saved."""
        self._extension = extension
        self._room = room
        self._location = location
        self._seat = _Seat(room.room_id)
        self._serving = asyncio.create_task(room.serve(self._seat))
        self._changes = 0
        self._changes_saved = 0
        self._problem: NotebookConflict | None = None
        self._next_try = 0.0
        self._saving = asyncio.Lock()
        self._wake = asyncio.Event()
        self._leaving = asyncio.Event()
        self._saver = asyncio.create_task(self._save_until_left())

    @classmethod
    async def enter(cls, extension: Any, location: NotebookLocation) -> SharedRoom:
        """Open the document, which must exist as a file; a room that has died is opened again.

        Raises:
            BadInput: It cannot be had.
            RoomsAreDead: The extension serves no rooms any more.
        """
        _configure_store(extension)
        room = await _room_of(extension, location)
        if not _serves(room):
            extension.ywebsocket_server.rooms.pop(room.room_id, None)
            room = await _room_of(extension, location)
            if not _serves(room):
                raise RoomsAreDead
        if room.cleaner is not None:
            room.cleaner.cancel()
        location.bind()
        entered = cls(extension, room, location)
        await entered.settled()
        return entered

    @property
    def loading(self) -> bool:
        """Whether the document is just being loaded from its file."""
        return bool(self._room._update_lock.locked())

    async def settled(self) -> None:
        """Wait until the document is not just being loaded from its file.

        Raises:
            NotebookConflict: Nobody keeps the document any more.
        """
        if self.loading:
            async with self._room._update_lock:
                pass
        if self._extension.ywebsocket_server.rooms.get(self._room.room_id) is not self._room:
            raise NotebookConflict(
                f"The shared document of {self._location.name} was closed; stop the run and resume it."
            )

    def changed(self) -> None:
        """Have the document saved soon."""
        self._changes += 1
        self._wake.set()

    async def saved(self) -> None:
        """Nothing to wait for while saving works: the room keeps the document until it is saved.

        Raises:
            NotebookConflict: It does not work, also not when tried again.
        """
        if self._problem is None:
            return
        if time.monotonic() < self._next_try:
            raise NotebookConflict(str(self._problem))
        # A cancelled save is one that the file's loader takes for one that need not be.
        await asyncio.shield(asyncio.create_task(self._save()))

    def present(self, state: JsonDict | None) -> None:
        """Show the agent among the people in the document; None: it is not there."""
        # Whether the room saves by itself is up to the people in it.
        known = {} if state is None else {"user": _AGENT, "interp_bench": state, "autosave": False}
        # Nothing depends on it, and whatever listens to it may raise: a room that has died does.
        with contextlib.suppress(Exception):
            if self._room.awareness.get_local_state() != known:
                self._room.awareness.set_local_state(known)

    async def leave(self) -> None:
        """Save, and let the room end as after the last browser."""
        self._leaving.set()
        self._wake.set()
        await self._saver
        self.present(None)
        self._seat.leave()
        await asyncio.gather(self._serving, return_exceptions=True)
        delay = self._extension.document_cleanup_delay
        if not self._room.clients and delay is not None:
            # A browser that comes back meanwhile cancels this.
            self._room.cleaner = asyncio.create_task(self._clean_after(delay))

    async def _save_until_left(self) -> None:
        while not self._leaving.is_set():
            await self._wake.wait()
            self._wake.clear()
            # Whoever waits until it is saved is told why it is not.
            with contextlib.suppress(NotebookConflict):
                await self._save()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), _SAVE_INTERVAL_S)
        with contextlib.suppress(NotebookConflict):
            await self._save()

    async def _save(self) -> None:
        async with self._saving:
            for _ in range(_SAVE_ATTEMPTS):
                if self._changes_saved == self._changes and self._problem is None:
                    return
                changes = self._changes
                try:
                    done = await self._saved_once()
                except NotebookConflict as error:
                    self._problem, self._next_try = error, time.monotonic() + _SAVE_INTERVAL_S
                    raise
                if done:
                    self._changes_saved, self._problem = changes, None
                else:
                    await self.after_reload()

    async def _saved_once(self) -> bool:
        api = self._location.api
        try:
            return await self._save_once()
        except NotebookGone:
            if not await self._location.moves_on(api):
                raise
            return False

    async def _save_once(self) -> bool:
        """Write the document into its file; False where it has to be tried again."""
        # Imported here, because a server without collaboration does not have it.
        from jupyter_server_ydoc.utils import OutOfBandChanges  # type: ignore[import-untyped]

        loader = self._extension.file_loaders[self._file_id]
        began_at = self._location.path
        try:
            content = await self.document.aget()
            saved = await loader.maybe_save_content({"format": "json", "type": "notebook", "content": content})
        except IndexError:
            # A cell was removed while they were read one after the other.
            return False
        except OutOfBandChanges:
            await self._room._on_outofband_change()
            return False
        except Exception as error:  # noqa: BLE001 - contents managers raise what they like
            conflict = self._conflict(error)
            if not isinstance(conflict, NotebookGone) and self._location.path != began_at:
                return False  # it was moved while it was written
            raise conflict from error
        if saved is None:
            raise NotebookConflict(f"The notebook {self._location.path} cannot be saved: it is read-only.")
        async with self._room._update_lock:
            # Under this lock the room does not take it for a change that it has to save.
            self.document.dirty = False
            self.document.hash = saved["hash"]
        return True

    def _conflict(self, error: Exception) -> NotebookConflict:
        try:
            path = self._location.path
        except NotebookConflict as gone:
            return gone
        if isinstance(error, HTTPError):
            if error.status_code == 404:
                return self._location.gone()
            return NotebookConflict(f"The notebook {path} cannot be saved: {error.log_message or error.reason}")
        return NotebookConflict(f"The notebook {path} cannot be saved: {error}")

    async def _clean_after(self, delay_s: float) -> None:
        """What a browser's connection does when it was the last one."""
        await asyncio.sleep(delay_s)
        server, loaders = self._extension.ywebsocket_server, self._extension.file_loaders
        async with self._extension._room_locks[self._room.room_id]:
            if self._room.clients or server.rooms.get(self._room.room_id) is not self._room:
                return
            await server.delete_room(room=self._room)
            if loaders[self._file_id].number_of_subscriptions == 0:
                await loaders.remove(self._file_id)

    @property
    def _file_id(self) -> str:
        return str(self._room.room_id).split(":", 2)[2]


async def _room_of(extension: Any, location: NotebookLocation) -> Any:
    try:
        document = await extension.get_document(
            path=location.api, content_type="notebook", file_format="json", copy=False, create=True
        )
        rooms = extension.ywebsocket_server.rooms.values()
        room = next(room for room in rooms if getattr(room, "_document", None) is document)
        async with extension._room_locks[room.room_id]:
            # Where a browser has only just come in, it is its own who does this otherwise.
            await room.initialize()
    except RuntimeError as error:
        # A task group that has ended takes no room in.
        raise RoomsAreDead from error
    except (HTTPError, OSError, ValueError) as error:
        raise BadInput(f"The notebook {location.path} cannot be opened: {why_unread(error)}") from error
    return room


def _serves(room: Any) -> bool:
    """Whether the room still passes on what is said in it."""
    try:
        room._task_group.start_soon(_nothing)
    except (AttributeError, RuntimeError):
        return False
    return True


def _configure_store(extension: Any) -> None:
    """Have rooms that are made for a run keep their history where those that browsers make do.

    ``get_document`` leaves the store's configuration out, and with two histories cells are doubled as soon as a
    browser comes back (jupyter-collaboration 5.0.4).
    """
    store = extension.ystore_class
    if getattr(store, "configured", False):
        return

    class ConfiguredStore(store):  # type: ignore[misc, valid-type]
        configured = True

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**{"config": extension.config, **kwargs})

    extension.ystore_class = ConfiguredStore


async def _nothing() -> None:
    pass


class _Seat:
    """A channel of the room on which nothing is said."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._left = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    def __aiter__(self) -> _Seat:
        return self

    async def __anext__(self) -> bytes:
        await self._left.wait()
        raise StopAsyncIteration

    async def send(self, message: bytes) -> None:
        """Browsers hear it by themselves."""

    async def recv(self) -> bytes:
        await self._left.wait()
        return b""
