"""A folder is listed without what cannot be looked at, where Jupyter's contents manager would not list it at all.

It reads the names first and looks each entry up after that. One that is renamed in between fails the whole listing as
if the folder were not there, and a browser that looks at it just then tells its person so.
"""

from __future__ import annotations

import errno
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
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

    def get_here(path: str, content: bool = True, *args: Any, **asked: Any) -> Any:
        with _gone_is_left_out(content):
            return get(path, content, *args, **asked)

    async def get_here_too(path: str, content: bool = True, *args: Any, **asked: Any) -> Any:
        with _gone_is_left_out(content):
            return await get(path, content, *args, **asked)

    contents_manager.get = get_here_too if inspect.iscoroutinefunction(get) else get_here  # type: ignore[attr-defined]


@contextmanager
def _gone_is_left_out(content: bool) -> Iterator[None]:
    """Entries of a listing are asked for without their content; who asks for it hears what Jupyter says."""
    try:
        yield
    except HTTPError as error:
        if content or error.status_code != 404 or isinstance(error, LeftOut):
            raise
        raise LeftOut((error.log_message or "") % error.args) from None
