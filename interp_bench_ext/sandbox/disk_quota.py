"""How much a kernel may leave in its work folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from .quota import in_words

WORK_FOLDER_BYTES = 4 * 2**30
_ENTRY_BYTES = 4096
"""What a name costs at least, so that empty files are counted, too."""


class DiskQuota:
    """Of one kernel. A folder that was over the quota before is let be, as long as it does not grow."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._before_bytes: int | None = None
        self.sentence = (
            f"The work folder held more than {in_words(most_bytes)}, so the kernel was ended: "
            "delete what is not needed there before writing more."
        )
        """Why the kernel ended, for the agent."""

    def exceeded(self) -> bool:
        """Whether the folder holds too much now; to be asked first when the kernel starts.

        Reads all of the folder: not for an event loop.
        """
        if self._before_bytes is None:
            self._before_bytes = used_bytes(self._folder, enough_bytes=1000 * self._most_bytes)
        most_bytes = max(self._most_bytes, self._before_bytes)
        return used_bytes(self._folder, enough_bytes=most_bytes + 1) > most_bytes


def used_bytes(folder: Path, *, enough_bytes: int) -> int:
    """What a folder takes on its disk, links not followed; counted until it is ``enough_bytes``."""
    used, ahead = 0, [str(folder)]
    while ahead and used < enough_bytes:
        try:
            with os.scandir(ahead.pop()) as entries:
                for entry in entries:
                    used += max(_ENTRY_BYTES, _on_disk(entry))
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append(entry.path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # what lies deeper than a path can be long cannot be counted
                return enough_bytes
    return used


def _on_disk(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:  # gone by now
        return 0
