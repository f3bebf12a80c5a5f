"""Python in a sandbox, with its packages: at places of its own, whose names tell nothing.

Prefixes below ``/usr`` and ``/nix/store`` stay where they are; others become ``/python`` (the interpreter's),
``/packages`` (the virtual environment's) and ``/user`` (the user's site). A virtual environment is made anew: the links
and the configuration of the real one name folders of its owner.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .mounts import Mount, hidden, link, read_only
from .shown_folder import ShownFolder

CONFIGURATION = Path("/packages/pyvenv.cfg")

_SYSTEM = (Path("/usr"), Path("/nix/store"))
_PYTHON, _PACKAGES, _USER, _SHARED = Path("/python"), Path("/packages"), Path("/user"), Path("/shared")
# Named, because a virtual environment may be made in the very folder of the repository, configs beside it.
_PARTS = ("etc/fonts", "include", "lib", "lib64", "share", "ssl")


@dataclass(frozen=True)
class PythonTree:
    """How this Python is shown."""

    executable: Path
    """The interpreter, in the sandbox."""
    mounts: tuple[Mount, ...]
    configuration: str
    """The text of :data:`CONFIGURATION`, empty where there is no virtual environment."""
    environment: Mapping[str, str]


def python_tree() -> PythonTree:
    """The Python that runs this, with its packages."""
    base, prefix = Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()
    python = ShownFolder(base, base if _in_system(base) else _PYTHON, ("bin", *_PARTS))
    folders = [ShownFolder(folder, folder) for folder in (Path("/usr"), Path("/usr/local"))]
    folders += [] if _in_system(base) else [python]
    interpreter = executable = python.place_of(_real_interpreter()) or python.inside / "bin" / _python_name()
    own: list[Mount] = []
    configuration = ""
    if prefix != base:
        executable = _PACKAGES / "bin" / "python"
        folders.append(ShownFolder(prefix, _PACKAGES, _PARTS))
        own += [link(executable.with_name(name), interpreter) for name in ("python", "python3", _python_name())]
        own += [hidden(prefix, folder=True)] if _in_system(prefix) else []
        configuration = _configuration(prefix / CONFIGURATION.name, interpreter)
    folders += _user_site()
    library = None if _in_system(base) else _shared_library(base / "lib")
    mounts = [*own, *(mount for folder in folders for mount in folder.mounts())]
    libraries = [str(place) for path in _library_path() for folder in folders if (place := folder.place_of(path))]
    if library is not None:
        mounts.append(read_only(library, _SHARED / library.name))
        libraries.append(str(_SHARED))
    path = dict.fromkeys([str(executable.parent), "/usr/local/bin", "/usr/bin", "/bin"])
    environment = {
        "PATH": os.pathsep.join(path),
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
        "PYTHONUSERBASE": str(_USER),
    }
    return PythonTree(executable, tuple(mounts), configuration, environment)


def _in_system(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _SYSTEM)


def _real_interpreter() -> Path:
    # In a virtual environment, `sys.executable` is a link in a chain that leads anywhere.
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def _python_name() -> str:
    return f"python{sysconfig.get_python_version()}"


def _configuration(real: Path, interpreter: Path) -> str:
    compact = real.read_text(encoding="utf-8").lower().replace(" ", "")
    system = "true" if "include-system-site-packages=true" in compact else "false"
    return f"home = {interpreter.parent}\ninclude-system-site-packages = {system}\n"


def _user_site() -> Iterator[ShownFolder]:
    if site.ENABLE_USER_SITE:
        base = Path(site.getuserbase())
        yield ShownFolder(base, _USER, (os.path.relpath(site.getusersitepackages(), base),))


def _shared_library(folder: Path) -> Path | None:
    """The interpreter's own, which it may know by the absolute path of this machine."""
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        return None
    file = folder / str(sysconfig.get_config_var("INSTSONAME"))
    return file if file.is_file() else None


def _library_path() -> list[Path]:
    return [Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if folder]
