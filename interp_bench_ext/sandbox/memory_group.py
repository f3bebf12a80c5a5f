"""A control group of our own: Linux itself bounds what all processes in it hold together."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .control_groups import Files, own_groups

_PREFIX = "interp-bench-"
_KILLED = re.compile(r"^oom_kill [1-9]", re.MULTILINE)
_JOIN_TIMEOUT_S = 10.0
_END_GRACE_S = 2.0
_LOOK_AGAIN_S = 0.02


class MemoryGroup:
    """Of the folder of a fresh group. Its lock is held as long as it is used, so that what a crash leaves is known."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.folder, self._files = folder, files
        self._descriptor = os.open(folder, os.O_RDONLY)
        _lock(self._descriptor)

    @classmethod
    def make(cls, most_bytes: int) -> MemoryGroup | None:
        """One for ``most_bytes``, none of them in swap; None where this user may make none that has a limit.

        Starts a process: not for an event loop.
        """
        for own in own_groups():
            for parent in own.parents():
                with contextlib.suppress(OSError):
                    _remove_left(parent)
                    group = cls(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent)), own.files)
                    if group.bound(most_bytes) and group._admits():
                        return group
                    group.remove()
        return None

    @property
    def joining(self) -> str:
        """What a shell does to enter it; one that cannot ends."""
        return f"echo 0 >{shlex.quote(str(self.folder / 'cgroup.procs'))} || exit 1"

    def bound(self, most_bytes: int) -> bool:
        """Set its limits; whether they are set."""
        try:
            (self.folder / self._files.most).write_text(str(most_bytes))
            swap = self.folder / self._files.swap
            if swap.exists():
                swap.write_text(str(most_bytes if self._files.swap_with_memory else 0))
        except OSError:
            return False
        return True

    def overflowed(self) -> bool:
        """Whether a process in it was killed for want of memory."""
        with contextlib.suppress(OSError):
            return _KILLED.search((self.folder / self._files.killed).read_text()) is not None
        return False

    def remove(self) -> None:
        """End what is left in it, and take it away. Waits until that has ended: not for an event loop."""
        until = time.monotonic() + _END_GRACE_S
        while not _removed(self.folder) and time.monotonic() < until:
            with contextlib.suppress(OSError):
                for pid in filter(None, map(int, (self.folder / "cgroup.procs").read_text().split())):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_LOOK_AGAIN_S)
        os.close(self._descriptor)

    def _admits(self) -> bool:
        """Whether a process of ours may enter: that takes rights on what lies above, too."""
        command = ["/bin/sh", "-c", self.joining]
        with contextlib.suppress(subprocess.TimeoutExpired):
            return not subprocess.run(
                command, stderr=subprocess.DEVNULL, timeout=_JOIN_TIMEOUT_S, check=False
            ).returncode
        return False


def _remove_left(parent: Path) -> None:
    """Take away the empty groups there of processes of this user that have ended."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                if os.fstat(descriptor).st_uid == os.getuid():
                    _lock(descriptor)
                    folder.rmdir()
            finally:
                os.close(descriptor)


def _removed(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def _lock(descriptor: int) -> None:
    """Raises BlockingIOError where somebody has locked it."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
