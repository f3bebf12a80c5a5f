"""What a process under bubblewrap sees: Python, what it was given, nothing else."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .mounts import Mount, hidden, link, memory_folder, read_only
from .package import PACKAGE_PATH
from .python_tree import CONFIGURATION, PythonTree, python_tree
from .seccomp import seccomp_program

SANDBOX_HOME = Path("/home/agent")
SANDBOX_USER = 1000

_SYSTEM = ("/usr", "/nix/store")
_SYSTEM_OR_LINK = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("alternatives", "fonts", "ld.so.cache", "localtime", "mime.types", "timezone")
# Not /etc/ssl itself: its private keys are readable for a server that runs as root.
_CERTIFICATES = ("ca-certificates", "pki/ca-trust", "pki/tls/certs", "ssl/certs", "ssl/openssl.cnf")

_PROC_HIDDEN = ("acpi", "asound", "scsi", "keys", "key-users")
_MEMORY_FOLDERS = {Path("/tmp"): 2**30, SANDBOX_HOME: 2**28, Path("/dev/shm"): 2**28, Path("/run"): 2**20}
"""In bytes: what all of them hold at once is memory of the machine."""

_ISOLATION = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
    *("--cap-drop", "ALL", "--uid", str(SANDBOX_USER), "--gid", str(SANDBOX_USER), "--hostname", "sandbox"),
)
# Descriptors are the one way to hand bubblewrap something that is no file in the sandbox.
_FILTER_FD, _CONFIGURATION_FD = "8", "9"
_OPEN = f"""exec {_FILTER_FD}<"$1" {_CONFIGURATION_FD}<<'END'
%sEND
shift
exec "$@"
"""


def bwrap_command(
    mounts: Iterable[Mount], *, cwd: Path, arguments: Iterable[str], devices: Iterable[Path] = ()
) -> list[str]:
    """The whole command line of a Python in a sandbox.

    Args:
        mounts: What it sees beside Python and the system's programs; a deeper mount lies upon one that is less deep.
        cwd: Its working folder, in there.
        arguments: The interpreter's.
        devices: Those that it may use, beside null, random and their like.
    """
    tree = python_tree()
    ordered = sorted([*_system_mounts(), *tree.mounts, *mounts], key=lambda mount: len(mount.target.parts))
    return [
        *_opened(tree),
        _bwrap(),
        *_ISOLATION,
        *("--dev", "/dev"),
        *(part for device in devices for part in ("--dev-bind", str(device), str(device))),
        *_options(memory_folder(path, size_bytes=size) for path, size in _MEMORY_FOLDERS.items()),
        *("--remount-ro", "/dev"),
        *_options(ordered),
        *(("--file", _CONFIGURATION_FD, str(CONFIGURATION)) if tree.configuration else ()),
        *("--proc", "/proc"),
        *_options(_proc_covers()),
        *("--remount-ro", "/", "--chdir", str(cwd)),
        *_environment(tree),
        *(() if seccomp_program() is None else ("--seccomp", _FILTER_FD)),
        str(tree.executable),
        *arguments,
    ]


@functools.cache
def sandbox_available() -> str | None:
    """None where bubblewrap works on this machine, otherwise one sentence: why not, and what to do."""
    if sys.platform != "linux":
        return "The sandbox needs Linux; here the kernel runs as a plain process."
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed; install it with `apt-get install bubblewrap`."
    probe = bwrap_command([], cwd=Path("/"), arguments=["-I", "-c", "print('works')"])
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=30, env={}, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not run here ({error}); reinstall it with `apt-get install bubblewrap`."
    if done.stdout.strip() == "works":
        return None
    reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return (
        f"bubblewrap does not work here ({reason}); it needs version 0.8 (`apt-get install bubblewrap`) "
        "and user namespaces (`sysctl -w kernel.unprivileged_userns_clone=1`)."
    )


def _bwrap() -> str:
    return shutil.which("bwrap") or "bwrap"


def _opened(tree: PythonTree) -> list[str]:
    """What opens the filter of system calls and the environment's configuration for the command that follows."""
    program = seccomp_program() or Path(os.devnull)
    return ["/bin/sh", "-c", _OPEN % tree.configuration, "sh", str(program)]


def _options(mounts: Iterable[Mount]) -> list[str]:
    return [option for mount in mounts for option in mount.options]


def _environment(tree: PythonTree) -> list[str]:
    # ipykernel would take the server's process id, unknown in here, for a parent that has died.
    values = {**tree.environment, "PYTHONPATH": str(PACKAGE_PATH), "JPY_PARENT_PID": "1"}
    return [part for name, value in values.items() for part in ("--setenv", name, value)]


def _system_mounts() -> list[Mount]:
    found = [read_only(Path(path)) for path in _SYSTEM if Path(path).is_dir()]
    for path in map(Path, _SYSTEM_OR_LINK):
        if path.is_symlink():
            found.append(link(path, path.readlink()))
        elif path.is_dir():
            found.append(read_only(path))
    found += [read_only(path) for name in (*_ETC, *_CERTIFICATES) if (path := Path("/etc", name)).exists()]
    return found


def _proc_covers() -> list[Mount]:
    """Everything in /proc that is no process, read-only.

    A server that runs as root owns it in its sandbox too, and core_pattern alone would be a way out.
    """
    shared = [path for path in Path("/proc").iterdir() if not path.name.isdigit() and not path.is_symlink()]
    covers = []
    for path in shared:
        if path.name in _PROC_HIDDEN or (path.is_file() and path.stat().st_mode & 0o222):
            covers.append(hidden(path, folder=path.is_dir()))
        elif path.is_dir():
            covers.append(read_only(path))
    return covers
