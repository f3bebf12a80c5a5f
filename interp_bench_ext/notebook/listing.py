"""A folder is listed without what cannot be looked at, where Jupyter's contents manager would not list it at all.

It reads the names first and looks each entry up after that. One that is renamed in between fails the whole listing as
if the folder were not there, and a browser that looks at it just then tells its person so.
"""

from __future__ import annotations

import errno
import inspect
from typing import Any

from jupyter_server.services.contents.fileio import FileManagerMixin
from tornado.web import HTTPError


class LeftOut(HTTPError, OSError):
    """Not found, for clients; for who lists a folder, an entry that leads in a circle and is left out."""

    def __init__(self, message: str) -> None:
        HTTPError.__init__(self, 404, message)
        self.errno = errno.ELOOP


def list_what_is_there(contents_manager: Any) -> None:
    """Have a contents manager leave out entries that are gone; nothing changes in one that has no files."""
    if not isinstance(contents_manager, FileManagerMixin):
        return
    get: Any = contents_manager.get  # type: ignore[attr-defined]

    def get_here(path: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return get(path, *args, **kwargs)
        except HTTPError as error:
            raise _left_out(error) from None

    async def get_here_too(path: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return await get(path, *args, **kwargs)
        except HTTPError as error:
            raise _left_out(error) from None

    contents_manager.get = get_here_too if inspect.iscoroutinefunction(get) else get_here  # type: ignore[attr-defined]


def _left_out(error: HTTPError) -> HTTPError:
    gone = error.status_code == 404 and not isinstance(error, LeftOut)
    return LeftOut((error.log_message or "") % error.args) if gone else error
