"""The one folder that a kernel may write to."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..errors import BadInput
from ..paths import make_folder, notebook_path, opened_folder, work_folder_of


def usable_work_dir(notebook: Path) -> Path:
    """Make the work folder of a notebook, and return its real path.

    Raises:
        BadInput: It cannot be made or written to, is a link, or code of an agent can get at it from elsewhere.
    """
    folder = work_folder_of(notebook_path(notebook))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        make_folder(folder)
    except OSError as error:
        raise BadInput(f"The work folder {folder} cannot be made or written to ({error.strerror}).") from error
    return folder


def move_work_dir(old: Path, new: Path) -> None:
    """Let the work folder of a notebook that was renamed from ``old`` to ``new`` go along, once no kernel works in it.

    It stays where it is when there is something at its new place, or the folders are no real ones.
    """
    before, after = work_folder_of(old), work_folder_of(new)
    if os.path.lexists(after) or before.is_symlink() or not before.is_dir():
        return
    with suppress(OSError), opened_folder(before.parent) as above, opened_folder(after.parent) as beside:
        os.rename(before.name, after.name, src_dir_fd=above, dst_dir_fd=beside)
