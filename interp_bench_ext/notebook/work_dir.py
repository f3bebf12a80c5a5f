"""The one folder that a kernel may write to."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import BadInput


def usable_work_dir(folder: Path | None, *, notebook: Path) -> Path:
    """Make ``folder``, ``<stem>_files`` beside the notebook by default, and return its real path.

    Raises:
        BadInput: It cannot be made or written to, or the kernel would see the notebook in it.
    """
    folder = (folder or notebook.with_name(f"{notebook.stem}_files")).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"The work folder {folder} cannot be made ({error.strerror}).") from error
    if not os.access(folder, os.W_OK):
        raise BadInput(f"The work folder {folder} cannot be written to; choose another one.")
    if notebook.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"The work folder {folder} holds the notebook, which the kernel must not see.")
    return folder.resolve()
