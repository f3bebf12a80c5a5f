"""The one folder that a kernel may write to."""

from __future__ import annotations

from pathlib import Path

from ..errors import BadInput
from ..paths import make_folder, notebook_path, work_folder_of


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
