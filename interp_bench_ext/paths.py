"""Paths that no agent's code can bend: it leaves links in its kernel's work folder, and nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from .errors import BadInput

_ENDING = "_files"
_MOST_LINKS = 40
"""Along one path; Linux follows as many."""
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW


def work_folder_of(notebook: Path) -> Path:
    """The folder beside a notebook that its kernel may write to."""
    return notebook.with_name(f"{notebook.stem}{_ENDING}")


def work_folder_around(path: Path, *, root: Path | None = None) -> Path | None:
    """The work folder that a real path leads into or is; None where it is outside of all.

    Args:
        path: The path.
        root: Below it the name of a folder is enough, as its notebook may have been moved away while the kernel runs;
            elsewhere the notebook must be beside it.
    """
    for folder in (path, *path.parents):
        named = folder.name.casefold().endswith(_ENDING)
        if named and ((root is not None and root in folder.parents) or _has_notebook(folder)):
            return folder
    return None


def real_path(path: Path, *, root: Path | None = None) -> Path:
    """The absolute path with its links followed; what it names need not be there.

    Args:
        path: The path.
        root: As for :func:`work_folder_around`.

    Raises:
        BadInput: One of the links lies in a work folder, or there is no end of them.
    """
    done, ahead, links = Path("/"), _steps(path.absolute()), 0
    while ahead:
        part = ahead.pop()
        if part == "..":
            done = done.parent
            continue
        try:
            target = (done / part).readlink()
        except OSError:  # it is no link, or not there
            done /= part
            continue
        links += 1
        if links > _MOST_LINKS or work_folder_around(done, root=root) is not None:
            raise BadInput(
                f"{path}: this goes through a link in a kernel's work folder, or in a circle; choose another"
            )
        done = Path("/") if target.is_absolute() else done
        ahead += _steps(target)
    return done


def outside_work_folders(path: Path) -> Path:
    """The real path of ``path``, where agents' code has put nothing. Raises BadInput where it has a hand in it."""
    found = real_path(path)
    around = work_folder_around(found)
    if around is not None:
        raise BadInput(
            f"{path}: {around.name} is a kernel's work folder, where code writes what it likes; choose another"
        )
    return found


def notebook_path(notebook: Path) -> Path:
    """The real path of a run's notebook. Raises BadInput where it is a link, or code of an agent can get at it."""
    found = outside_work_folders(notebook.parent) / notebook.name
    if found.is_symlink():
        raise BadInput(f"{notebook}: this is a link; name the notebook itself")
    return found


def below(root: Path, parts: Sequence[str]) -> Path:
    """The file that ``parts`` name below ``root``, which is real: through no link, and in no work folder.

    Raises:
        BadInput: In a sentence that tells nothing of what is there.
    """
    found = root
    for part in parts:
        found /= part
        if found.is_symlink():
            shown = found.relative_to(root).as_posix()
            raise BadInput(f"{shown}: this is a link, and links are not followed here; choose another notebook")
    if work_folder_around(found.parent, root=root) is not None:
        raise BadInput(
            f"{'/'.join(parts)}: folders whose names end in {_ENDING} are the kernels'; choose another folder"
        )
    return found


@contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """A descriptor of the folder at a real path, which is reached part by part through no link. Raises OSError."""
    descriptor = os.open("/", _STEP)
    try:
        for part in folder.parts[1:]:
            above, descriptor = descriptor, os.open(part, _STEP, dir_fd=descriptor)
            os.close(above)
        yield descriptor
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make the folder at a real path, or find it: it is no link, and it can be written to. Raises OSError."""
    with opened_folder(folder.parent) as above:
        with suppress(FileExistsError):
            os.mkdir(folder.name, dir_fd=above)
        os.close(os.open(folder.name, _STEP, dir_fd=above))
        if not os.access(folder.name, os.W_OK, dir_fd=above):
            raise PermissionError(13, os.strerror(13), str(folder))


def drop_empty_work_folder(folder: Path) -> None:
    """Remove a work folder in which nothing was left; whatever else is there stays."""
    if folder.name.endswith(_ENDING):
        with suppress(OSError), opened_folder(folder.parent) as above:
            os.rmdir(folder.name, dir_fd=above)


@contextmanager
def replaced(
    path: Path,
    *,
    encoding: str | None = "utf-8",
    meanwhile: Callable[[os.stat_result], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Iterator[Any]:
    """A fresh file that takes the place of what is at ``path``, a link too, when it is complete; else nothing changes.

    Args:
        path: A real path, but for its last part.
        encoding: None: bytes are written.
        meanwhile: Given the status of the fresh file, it is entered around the moment of the replacement.

    Raises:
        OSError: The folder is reached through a link, or cannot be written to.
    """
    # Not after the file: its name may be as long as names can be.
    draft = f".~{os.urandom(8).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with opened_folder(path.parent) as folder:
        try:
            opened = os.open(draft, flags, 0o666, dir_fd=folder)
            with os.fdopen(opened, "wb" if encoding is None else "w", encoding=encoding) as file:
                yield file
                file.flush()
                with suppress(FileNotFoundError):
                    there = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
                    if stat.S_ISREG(there.st_mode):
                        os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode))
                os.fsync(file.fileno())
                status = os.fstat(file.fileno())
            with meanwhile(status):
                os.replace(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=folder)
            raise


def _steps(path: Path) -> list[str]:
    """The names along a path, the last one first."""
    return [part for part in reversed(path.parts) if part != path.anchor]


def _has_notebook(work_folder: Path) -> bool:
    stem = work_folder.name[: -len(_ENDING)]
    return bool(stem) and os.path.lexists(work_folder.with_name(f"{stem}.ipynb"))
