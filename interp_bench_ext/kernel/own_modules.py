"""Lets cells import the files that the agent has put into the work folder, and lets nothing else find them there.

Were the folder on ``sys.path``, a file in it could stand in for a module that a library only tries to import. What one
run left there would then run in the kernel of the next before any of its cells, and forge what they show.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType

from IPython.core.interactiveshell import InteractiveShell

_IMPORTING = ("importlib", "_frozen_importlib", "_frozen_importlib_external")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Look for what nobody else finds in the folder that the kernel was started in."""
    del shell
    sys.meta_path.append(OwnModules(Path.cwd()))


class OwnModules(MetaPathFinder):
    """Finds modules in ``folder`` for cells, and for modules that lie there, after all other finders."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where ``fullname`` is, if a cell imports it; a package's parts are found through the package."""
        if path is not None or not self._is_own(_importer(sys._getframe(1))):
            return None
        return PathFinder.find_spec(fullname, [str(self._folder)], target)

    def _is_own(self, importer: FrameType | None) -> bool:
        if importer is None:
            return False
        names = importer.f_globals
        return names.get("__name__") == "__main__" or Path(str(names.get("__file__"))).is_relative_to(self._folder)


def _importer(frame: FrameType | None) -> FrameType | None:
    """The code that imports something, by the frame in which it is being found."""
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _IMPORTING:
        frame = frame.f_back
    return frame
