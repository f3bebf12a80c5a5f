"""Kernel provisioners: under bubblewrap or as a plain process, both without the server's environment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from jupyter_client.connect import KernelConnectionInfo, port_names
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Int

from ..paths import drop_empty_work_folder, make_folder, opened_folder
from .bubblewrap import SANDBOX_HOME, SANDBOX_USER, bwrap_command
from .disk_quota import WORK_FOLDER_BYTES, DiskQuota
from .leftovers import end_holders
from .limits import limited, memory_mb
from .memory_group import MemoryGroup
from .memory_quota import MemoryQuota
from .mounts import Mount, read_only, writable
from .package import kernel_package, package_path
from .private_folder import private_folder
from .quota import Quota

_WORK, _SOCKETS, _ORGANISM = Path("/work"), Path("/run/kernel"), Path("/run/organism")
_CONNECTION = Path("/run/connection.json")

_PLACE = ("ip", *port_names)
_TOKEN = "INTERP_BENCH_TOKEN"  # noqa: S105 - its name
_GRANTED = ("INTERP_BENCH_URL", _TOKEN)
_SAID_BYTES = 65_536
"""What a pipe holds."""
_LOCALE = ("LANG", "LANGUAGE", "TZ")
_LIBRARIES = ("LD_LIBRARY_PATH",)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_PERSON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR")
_PYTHON = ("VIRTUAL_ENV", "CONDA_PREFIX", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Front(Protocol):
    """Stands between the kernel and whoever listens to it."""

    async def open(self, kernel: KernelConnectionInfo, folder: Path) -> KernelConnectionInfo:
        """Connect to a kernel that has just been launched; returns where others find it."""
        ...

    async def close(self) -> None:
        """The kernel is not started again."""
        ...


class CleanProvisioner(LocalProvisioner):
    """Starts the kernel with an allow-listed environment and a private folder."""

    memory_limit_mb = Int(
        default_value=-1,
        help="Most memory for the own data of each of the kernel's processes in MiB, and half as much again for all of"
        " them in a sandbox; -1 is half of the machine's, 0 is no limit.",
    ).tag(config=True)

    allowed: tuple[str, ...] = ()
    disk_bytes: int | None = None
    """Most for its work folder, and for each file that it writes."""
    folder: Path | None = None
    granted: Mapping[str, str] = {}
    """Environment that only this kernel gets, also when it is started again."""
    front: Front | None = None
    """None: the kernel's own sockets are everybody's."""
    group: MemoryGroup | None = None
    """What all its processes are in."""
    quotas: tuple[Quota, ...] = ()
    """Looked at while it runs, where there are any."""
    work: Path | None = None
    """The folder that the kernel works in; an empty work folder goes with the kernel, and comes again with the next."""
    leaves_work = False
    """Whether another kernel works in it from now on."""
    held = False
    """Whether a run has this kernel and starts it again by itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asked: dict[int, Literal["restart", "shutdown", "kill"]] = {}
        """By process id: what the manager has asked the process for."""
        self._inside: KernelConnectionInfo = {}
        """Where the kernel itself listens, once it has been started behind a front."""
        self._said: int | None = None

    def said(self) -> str:
        """What the process has written to its raw standard output and error that nobody has read yet."""
        if self._said is None:
            return ""
        with contextlib.suppress(BlockingIOError):
            return os.read(self._said, _SAID_BYTES).decode("utf-8", "replace")
        return ""

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Clean the environment, and take the standard streams away from the server's terminal."""
        self.folder = self.folder or private_folder()
        self._use_sockets()
        if kwargs.get("cwd"):
            self.work = _there(kwargs["cwd"])
        given = dict(kwargs.pop("env", os.environ))
        kwargs = await super().pre_launch(**kwargs, env=given)
        self.connection_info.update(self._inside)
        kwargs["cmd"] = self._with_own_connection_file(kwargs["cmd"])
        kwargs["env"] = self._environment(kwargs["env"])
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the process; what it writes to its raw standard streams goes to no file and no terminal.

        A pipe holds the beginning, and the rest is refused: nobody needs more than why it did not start.
        """
        self._forget_said()
        self._said, said = os.pipe()
        for end in (self._said, said):
            os.set_blocking(end, False)
        streams = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": subprocess.STDOUT}
        command = limited(cmd, data_mb=self._data_mb(), file_bytes=self.disk_bytes, group=self.group)
        try:
            kernel = await super().launch_kernel(command, **{**kwargs, **streams})
        finally:
            os.close(said)
        if self.front is None or self.folder is None:
            return kernel
        self._inside = cast(KernelConnectionInfo, {name: value for name, value in kernel.items() if name in _PLACE})
        return await self.front.open(kernel, self.folder)

    def overflowed(self) -> str:
        """Why Linux has ended a process of the kernel's, where that was for want of memory; otherwise nothing."""
        return ""

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Note why the process is going to end."""
        await super().shutdown_requested(restart=restart)
        if self.process is not None:
            self.asked[self.process.pid] = "restart" if restart else "shutdown"

    async def kill(self, restart: bool = False) -> None:
        """Note why the process is going to end, and end it."""
        if self.process is not None and self.process.poll() is None:
            self.asked.setdefault(self.process.pid, "kill")
        await super().kill(restart=restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the private folder, unless the kernel starts again."""
        await super().cleanup(restart=restart)
        if self.front is not None and not restart:
            await self.front.close()
        self._forget_said()
        await self._leave_group()
        if self.folder is not None and not restart:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None
        if self.work is not None and not restart and not self.leaves_work:
            drop_empty_work_folder(self.work)

    @property
    def sockets(self) -> Path:
        """The folder that the kernel itself listens in."""
        assert self.folder is not None
        return self.folder / "s"

    def _use_sockets(self) -> None:
        """Unix sockets for the kernel: a sandbox has no network, and ports may be taken before a kernel has its own."""
        # A fresh folder each time: the kernel before could leave links in it, and this process connects to them.
        shutil.rmtree(self.sockets, ignore_errors=True)
        self.sockets.mkdir(mode=0o700)
        if self.parent is not None and not self._inside:
            self.parent.transport = "ipc"
            self.parent.ip = str(self.sockets / "k")

    def _with_own_connection_file(self, command: list[str]) -> list[str]:
        """The kernel's connection file is its own: the manager's says where others find it."""
        if self.parent is None:
            return command
        assert self.folder is not None
        info = {name: _text(value) for name, value in self.connection_info.items()} | self._own_place()
        self.connection_file.write_text(json.dumps({**info, "kernel_name": self.parent.kernel_name}))
        self.connection_file.chmod(0o600)
        theirs = os.path.realpath(self.parent.connection_file)
        return [str(self.connection_file) if part == theirs else part for part in command]

    def _own_place(self) -> dict[str, str]:
        """What the kernel calls the place where it listens, where it has another name for it."""
        return {}

    @property
    def connection_file(self) -> Path:
        """What the kernel reads."""
        assert self.folder is not None
        return self.folder / "connection.json"

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        names = (*_GRANTED, *_LOCALE, *_LIBRARIES, *_THREADS, *self.allowed, *self.kernel_spec.env)
        kept = {name: value for name, value in given.items() if name in names or name.startswith("LC_")}
        return {**kept, **self._own_environment(), **self.granted}

    def _own_environment(self) -> dict[str, str]:
        raise NotImplementedError

    def _data_mb(self) -> int:
        return memory_mb() // 2 if self.memory_limit_mb < 0 else self.memory_limit_mb

    async def _leave_group(self) -> None:
        group, self.group = self.group, None
        if group is not None:
            await asyncio.to_thread(group.remove)

    def _forget_said(self) -> None:
        if self._said is not None:
            os.close(self._said)
            self._said = None


class PlainProvisioner(CleanProvisioner):
    """A plain process: it can read what its user can, but gets nothing of the server's environment."""

    allowed = (*_PERSON, *_PYTHON)

    async def cleanup(self, restart: bool = False) -> None:
        """End what the kernel's code has started and detached, too."""
        await super().cleanup(restart=restart)
        token = self.granted.get(_TOKEN)
        if token:
            await asyncio.to_thread(end_holders, _TOKEN, token)

    def _own_environment(self) -> dict[str, str]:
        assert self.folder is not None
        return {"IPYTHONDIR": str(self.folder / "ipython"), **_python_path()}


class SandboxProvisioner(CleanProvisioner):
    """The kernel under bubblewrap; ``cwd`` is the only folder of this machine that it may write to."""

    disk_bytes: int = WORK_FOLDER_BYTES
    _memory: MemoryQuota | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Turn the kernel's command into bubblewrap's."""
        kwargs = await super().pre_launch(**kwargs)
        cwd = _resolved(kwargs.get("cwd"))
        environment = kwargs["env"]
        mounts = [*kernel_package(), *self._mounts(), writable(cwd, _WORK)]
        url = environment.get("INTERP_BENCH_URL", "")
        if url.startswith("unix://"):
            mount, environment["INTERP_BENCH_URL"] = _shown_socket(Path(url.removeprefix("unix://")))
            mounts.append(mount)
        self._disk = DiskQuota(cwd, self.disk_bytes)
        _, *arguments = kwargs["cmd"]
        if self.parent is not None:
            arguments = [str(_CONNECTION) if part == str(self.connection_file) else part for part in arguments]
        command = bwrap_command(mounts, cwd=_WORK, arguments=arguments)
        return {**kwargs, "env": environment, "cmd": command, "cwd": str(cwd)}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the process, and have its work folder and its memory watched."""
        await self._leave_group()
        most_bytes = self._all_bytes()
        if most_bytes:
            self.group = await asyncio.to_thread(MemoryGroup.make, most_bytes)
        kernel = await super().launch_kernel(cmd, **kwargs)
        assert self.process is not None
        self._memory = MemoryQuota(self.process.pid, most_bytes, self.group) if most_bytes else None
        self.quotas = (self._disk, self._memory) if self._memory else (self._disk,)
        return kernel

    def overflowed(self) -> str:
        return self._memory.sentence if self._memory and self.group and self.group.overflowed() else ""

    def _all_bytes(self) -> int:
        """Of all processes together: half as much again as one may have."""
        return self._data_mb() * 2**20 * 3 // 2

    def _own_place(self) -> dict[str, str]:
        return {"ip": str(_SOCKETS / "k")}

    def _mounts(self) -> list[Mount]:
        assert self.folder is not None
        passwd = self.folder / "passwd"
        passwd.write_text(f"agent:x:{SANDBOX_USER}:{SANDBOX_USER}::{SANDBOX_HOME}:/bin/sh\n")
        mounts = [writable(self.sockets, _SOCKETS), read_only(passwd, Path("/etc/passwd"))]
        if self.parent is not None:
            # Where messages are encrypted the kernel writes it anew.
            mounts.append(writable(self.connection_file, _CONNECTION))
        return mounts

    def _own_environment(self) -> dict[str, str]:
        return {"HOME": str(SANDBOX_HOME), "USER": "agent", "TMPDIR": "/tmp"}


def _shown_socket(socket: Path) -> tuple[Mount, str]:
    """What shows the organism's socket, and its URL in there.

    The folder is shown, so that a restarted organism is found again, unless others use that folder too.
    """
    folder = socket.parent
    private = folder.is_dir() and folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o077
    place = _ORGANISM / socket.name
    return read_only(folder, _ORGANISM) if private else read_only(socket, place), f"unix://{place}"


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _there(cwd: str) -> Path:
    """The folder, made where it is not there and can be; what is wrong with it is said when the kernel starts."""
    folder = Path(cwd).absolute()
    with contextlib.suppress(OSError):
        make_folder(folder)
    return folder


def _resolved(cwd: str | None) -> Path:
    """The work folder. Raises OSError where a link has taken the place of a part of its path."""
    folder = Path(cwd or os.curdir).absolute()
    with opened_folder(folder):
        return folder


def _python_path() -> dict[str, str]:
    path = package_path()
    return {} if path is None else {"PYTHONPATH": str(path)}
