"""Files that are replaced at once, so that nobody ever reads half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_whole_files(contents_manager: Any) -> None:
    """Have a contents manager of files replace them at once when it saves.

    jupyter_server writes into the file itself and keeps the old one beside it meanwhile. Whoever asks the server for
    the notebook in that moment finds it broken and has it moved aside, and it can be gone then (jupyter_server 2.21).
    """
    if not contents_manager.use_atomic_writing:
        return

    @contextmanager
    def atomic_writing(os_path: str, *, text: bool = True, encoding: str = "utf-8", **_: Any) -> Iterator[Any]:
        with contents_manager.perm_to_403(os_path), whole_file(os_path, encoding=encoding if text else None) as file:
            yield file

    contents_manager.atomic_writing = atomic_writing


@contextmanager
def whole_file(path: str, *, encoding: str | None) -> Iterator[Any]:
    """A file to write that takes the place of ``path`` when it is complete; nothing changes when that fails.

    Args:
        path: The file; a symbolic link stays one.
        encoding: None: bytes are written.
    """
    target = Path(path).resolve()
    draft = target.with_name(f".~{target.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb" if encoding is None else "x", encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, draft)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
