"""What a kernel under bubblewrap sees: Python, its work folder, the organism's socket, nothing else."""

from __future__ import annotations

import functools
import os
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import jupyter_path

PACKAGE = Path(__file__).resolve().parents[1]
SANDBOX_HOME = Path("/home/agent")
SANDBOX_USER = 1000

_SYSTEM = ("/usr", "/nix/store")
_SYSTEM_OR_LINK = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("alternatives", "fonts", "ld.so.cache", "localtime", "mime.types", "timezone")
# Not /etc/ssl itself: its private keys are readable for a server that runs as root.
_CERTIFICATES = ("ca-certificates", "pki/ca-trust", "pki/tls/certs", "ssl/certs", "ssl/openssl.cnf")
# Named, because a virtual environment may be made in the very folder of the repository, configs beside it.
_PREFIX_PARTS = ("bin", "etc/fonts", "include", "lib", "lib64", "pyvenv.cfg", "share", "ssl")
# Ground truth, other organisms, a server's passwords: readable where Python is, and no business of a kernel.
_HIDDEN = ("share/jupyter/interp_bench", "share/jupyter/runtime", "etc/jupyter", "src")

_PROC_HIDDEN = ("acpi", "asound", "scsi")
_MEMORY_FOLDER_BYTES = 2**30

_ISOLATION = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
    *("--cap-drop", "ALL", "--uid", str(SANDBOX_USER), "--gid", str(SANDBOX_USER), "--hostname", "sandbox"),
)


@dataclass(frozen=True)
class Mount:
    """One thing at ``target``; ``option`` is bubblewrap's, no ``source`` is an empty folder in memory."""

    option: str
    source: Path | None
    target: Path

    def arguments(self) -> list[str]:
        if self.source is None:
            return ["--size", str(_MEMORY_FOLDER_BYTES), self.option, str(self.target)]
        return [self.option, str(self.source), str(self.target)]


def read_only(path: Path) -> Mount:
    return Mount("--ro-bind", path, path)


def writable(path: Path) -> Mount:
    return Mount("--bind", path, path)


def empty(path: Path) -> Mount:
    return Mount("--tmpfs", None, path)


def bwrap_command(mounts: Iterable[Mount], *, cwd: Path, command: Iterable[str]) -> list[str]:
    """The whole command line; deeper mounts come later, so that a folder shows inside a hidden parent."""
    everything = [*_system_mounts(), *_python_mounts(), empty(Path("/tmp")), empty(SANDBOX_HOME), *mounts]
    ordered = sorted(everything, key=lambda mount: len(mount.target.parts))
    return [
        _bwrap(),
        *_ISOLATION,
        *(part for mount in ordered for part in mount.arguments()),
        *("--proc", "/proc", "--dev", "/dev"),
        *(part for mount in _proc_covers() for part in mount.arguments()),
        *("--remount-ro", "/", "--chdir", str(cwd)),
        # ipykernel would take the server's process id, unknown in here, for a parent that has died.
        *("--setenv", "JPY_PARENT_PID", "1"),
        *command,
    ]


def socket_mount(url: str) -> Mount | None:
    """What shows the organism's Unix socket; None for an organism that listens elsewhere.

    The folder is shown, so that a restarted organism is found again, unless others use that folder too.
    """
    if not url.startswith("unix://"):
        return None
    socket = Path(url.removeprefix("unix://"))
    folder = socket.parent
    private = folder.is_dir() and folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o077
    return read_only(folder if private else socket)


def package_path() -> Path | None:
    """Folder that must be on ``sys.path`` for this package, None where Python finds it by itself."""
    installed = Path(sysconfig.get_path("purelib")).resolve(), Path(site.getusersitepackages()).resolve()
    return None if PACKAGE.parent in installed else PACKAGE.parent


@functools.cache
def sandbox_available() -> str | None:
    """None where bubblewrap works on this machine, otherwise one sentence: why not, and what to do."""
    if sys.platform != "linux":
        return "The sandbox needs Linux; here the kernel runs as a plain process."
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed; install it with `apt-get install bubblewrap`."
    probe = bwrap_command([], cwd=Path("/"), command=[sys.executable, "-I", "-c", "print('works')"])
    env = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=30, env=env, check=False)
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


def _system_mounts() -> list[Mount]:
    found = [read_only(Path(path)) for path in _SYSTEM if Path(path).is_dir()]
    for path in map(Path, _SYSTEM_OR_LINK):
        if path.is_symlink():
            found.append(Mount("--symlink", path.readlink(), path))
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
        if path.is_dir():
            covers.append(empty(path) if path.name in _PROC_HIDDEN else read_only(path))
        elif path.stat().st_mode & 0o222:
            covers.append(Mount("--ro-bind", Path(os.devnull), path))
    return covers


def _python_mounts() -> list[Mount]:
    prefixes = [Path(path) for path in dict.fromkeys((sys.prefix, sys.base_prefix, sys.base_exec_prefix))]
    prefixes += [real for path in prefixes if (real := path.resolve()) not in prefixes]
    parts = [path / part for path in prefixes for part in _PREFIX_PARTS if (path / part).exists()]
    parts += _user_site()
    if package_path() is not None:
        parts.append(PACKAGE)
    shown = [path for path in dict.fromkeys(parts) if not path.is_relative_to("/usr")]
    hidden = [base / name for base in [*prefixes, Path("/usr"), Path("/usr/local")] for name in _HIDDEN]
    hidden += [Path(path) for path in jupyter_path("interp_bench")]
    visible = [*shown, Path("/usr")]
    inside = [path for path in hidden if path.is_dir() and any(path.is_relative_to(root) for root in visible)]
    return [*map(read_only, shown), *map(empty, dict.fromkeys(inside))]


def _user_site() -> list[Path]:
    folder = Path(site.getusersitepackages())
    return [folder] if site.ENABLE_USER_SITE and folder.is_dir() else []
