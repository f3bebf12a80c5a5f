from __future__ import annotations

import ctypes
import ctypes.util
import errno
import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.sandbox.seccomp import PROFILES, seccomp_program
from tests.notebook.support import needs_sandbox

from .inside import seen_inside

SCRIPT = Path(__file__).parents[2] / "scripts" / "seccomp_profiles.py"
NUMBERS = {
    "x86_64": {"keyctl": 250, "add_key": 248, "request_key": 249, "bpf": 321, "perf_event_open": 298},
    "aarch64": {"keyctl": 219, "add_key": 217, "request_key": 218, "bpf": 280, "perf_event_open": 241},
}
EVERYWHERE = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427}
SOCKET = {"x86_64": 41, "aarch64": 198}
CALLS = """
import ctypes, errno, json
libc = ctypes.CDLL(None, use_errno=True)

def answer(number, *arguments):
    ctypes.set_errno(0)
    given = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    return errno.errorcode.get(ctypes.get_errno(), "none") if given < 0 else "done"
"""
needs_profile = pytest.mark.skipif(seccomp_program() is None, reason=f"no profile for {platform.machine()}")


def answers(calls: dict[str, tuple[int, ...]], *, inside: bool) -> dict[str, str]:
    if inside:
        return seen_inside(f"{CALLS}\nprint(json.dumps({{n: answer(*c) for n, c in {calls!r}.items()}}))")
    room: dict[str, Any] = {}
    exec(CALLS, room)
    return {name: room["answer"](*call) for name, call in calls.items()}


@needs_sandbox
@needs_profile
def test_what_namespaces_do_not_cover_is_refused_inside_and_answers_outside() -> None:
    numbers = {**NUMBERS[platform.machine()], **EVERYWHERE}
    # Arguments that the kernel itself finds wrong, so that an answer of its own is another one.
    calls = {name: (number, -1, 0, 0, 0, -1) for name, number in numbers.items()}
    inside = answers(calls, inside=True)
    assert inside == {name: "ENOSYS" if name in EVERYWHERE else "EPERM" for name in calls}
    outside = answers(calls, inside=False)
    assert outside["keyctl"] != "EPERM"
    assert [name for name in calls if outside[name] == inside[name] and name in NUMBERS] == []


@needs_sandbox
@needs_profile
def test_no_link_is_made_that_somebody_outside_might_follow(tmp_path: Path) -> None:
    program = """
import json, os, subprocess
os.chdir(os.environ.get("WHERE", "/tmp"))

def tried(action, name):
    try:
        action()
    except OSError:
        pass
    return os.path.islink(name)

print(json.dumps([
    tried(lambda: os.symlink("/etc", "a"), "a"),
    tried(lambda: os.symlink("/etc", "b", dir_fd=os.open(".", os.O_RDONLY)), "b"),
    tried(lambda: subprocess.run(["ln", "-s", "/etc", "c"], stderr=subprocess.DEVNULL), "c"),
    tried(lambda: os.link("/proc/self/exe", "d", follow_symlinks=False), "d"),
]))"""
    assert seen_inside(program) == [False] * 4
    environment = {"PATH": os.defpath, "WHERE": str(tmp_path)}
    outside = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert json.loads(outside.stdout)[:3] == [True] * 3


@needs_sandbox
@needs_profile
@pytest.mark.parametrize(
    ("family", "seen"),
    [
        (socket.AF_UNIX, "done"),
        (socket.AF_INET, "done"),
        (socket.AF_INET6, "done"),
        (socket.AF_VSOCK, "EAFNOSUPPORT"),
        (38, "EAFNOSUPPORT"),
        # The kernel reads 32 bits of it, a filter 64.
        ((1 << 32) + socket.AF_VSOCK, "EAFNOSUPPORT"),
        (-1, "EAFNOSUPPORT"),
    ],
)
def test_only_sockets_that_a_namespace_holds_can_be_made(family: int, seen: str) -> None:
    call = {"socket": (SOCKET[platform.machine()], int(family), int(socket.SOCK_STREAM), 0)}
    assert answers(call, inside=True)["socket"] == seen


@needs_sandbox
@needs_profile
def test_a_socket_to_the_hypervisor_can_be_made_outside() -> None:
    try:
        socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError as error:
        pytest.skip(f"this machine has no AF_VSOCK ({error})")
    assert (
        seen_inside(
            "import json, socket\ntry: socket.socket(socket.AF_VSOCK); made = True\nexcept OSError: made = False\n"
            "print(json.dumps(made))"
        )
        is False
    )


@needs_sandbox
def test_the_keys_of_whoever_started_the_server_stay_outside() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = NUMBERS[platform.machine()]
    session = -3
    key = libc.syscall(ctypes.c_long(numbers["add_key"]), b"user", b"interp-bench-test", b"KEY-MARK", 8, session)
    if key < 0:
        pytest.skip(f"this machine keeps no keys ({errno.errorcode.get(ctypes.get_errno())})")
    try:
        program = f"""{CALLS}
def tried(action):
    try: return action()
    except OSError: return ""
find = [answer({numbers["keyctl"]}, 10, -3, 0, 0, 0), answer({numbers["keyctl"]}, 11, {key}, 0, 0)]
print(json.dumps([find, tried(lambda: open("/proc/keys").read())]))"""
        outside = libc.syscall(ctypes.c_long(numbers["keyctl"]), 10, session, b"user", b"interp-bench-test", 0)
        assert outside == key
        assert "interp-bench-test" in Path("/proc/keys").read_text()
        assert seen_inside(program) == [["EPERM", "EPERM"], ""]
    finally:
        libc.syscall(ctypes.c_long(numbers["keyctl"]), 9, key, session)


class Version(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint), ("minor", ctypes.c_uint), ("micro", ctypes.c_uint)]


def libseccomp() -> str:
    name = ctypes.util.find_library("seccomp")
    if name is None:
        return "none"
    told = ctypes.CDLL(name).seccomp_version
    told.restype = ctypes.POINTER(Version)
    return f"{told().contents.major}.{told().contents.minor}"


@pytest.mark.skipif(libseccomp() != "2.5", reason=f"the profiles are made with libseccomp 2.5; here is {libseccomp()}")
def test_the_profiles_are_those_that_the_script_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, tmp_path], check=True, timeout=60)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_bytes() for file in PROFILES.iterdir()}
    assert len(made) == 2
