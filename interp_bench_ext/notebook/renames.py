"""Tells where notebooks have gone when somebody renames them, or a folder above them, through a Jupyter server."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from jupyter_server.serverapp import ServerApp

_SCHEMA = "https://events.jupyter.org/jupyter_server/contents_service/v1"
AnyPath = TypeVar("AnyPath", bound=PurePath)


class Follower(Protocol):
    """Wants to know of renames as long as it lives."""

    def renamed(self, old: str, new: str) -> None:
        """What was at ``old`` is at ``new``, a file or a folder; both are paths of the contents API."""
        ...


class Renames:
    """Listens to what a server's contents manager says of itself, which every client's rename goes through."""

    def __init__(self, serverapp: ServerApp) -> None:
        self._followers: WeakSet[Follower] = WeakSet()
        logger: Any = serverapp.event_logger
        logger.add_listener(schema_id=_SCHEMA, listener=self._hear)

    @classmethod
    def of(cls, serverapp: ServerApp) -> Renames:
        if serverapp not in _OF:
            _OF[serverapp] = cls(serverapp)
        return _OF[serverapp]

    def tell(self, follower: Follower) -> None:
        """Tell ``follower`` of each rename from here on."""
        self._followers.add(follower)

    async def _hear(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        if data["action"] == "rename":
            for follower in list(self._followers):
                follower.renamed(data["source_path"].strip("/"), data["path"].strip("/"))


_OF: WeakKeyDictionary[ServerApp, Renames] = WeakKeyDictionary()


def moved(path: AnyPath, old: AnyPath, new: AnyPath) -> AnyPath | None:
    """Where ``path`` is once ``old`` has become ``new``; None where that does not move it."""
    return new / path.relative_to(old) if path.is_relative_to(old) else None
