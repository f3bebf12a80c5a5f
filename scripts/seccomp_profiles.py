"""Writes the filters of system calls that sandboxes are given, one per processor, with libseccomp 2.5.

``python scripts/seccomp_profiles.py [FOLDER]``: by default into ``interp_bench_ext/sandbox/syscalls``.

What a filter refuses is what namespaces do not cover (keys, sockets to the hypervisor, the kernel's own programs), and
what nobody needs who computes and draws: it is a smaller kernel that hostile code can look for holes in.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pyseccomp

PROCESSORS = {"x86_64": pyseccomp.Arch.X86_64, "aarch64": pyseccomp.Arch.AARCH64}
FOLDER = Path(__file__).parents[1] / "interp_bench_ext" / "sandbox" / "syscalls"

FORBIDDEN = {
    "keys of whoever started the server": ("add_key", "keyctl", "request_key"),
    "programs and probes in the kernel": ("bpf", "perf_event_open", "userfaultfd", "lookup_dcookie", "fanotify_init"),
    "other processes": ("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"),
    "links, which whoever reads the work folder from outside might follow": ("symlink", "symlinkat"),
    "mounts and namespaces": (
        *("mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "move_mount"),
        *("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at"),
    ),
    "the machine": (
        *("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "acct", "swapon"),
        *("swapoff", "quotactl", "syslog", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "vhangup"),
    ),
}
MISSING = ("io_uring_setup", "io_uring_enter", "io_uring_register")
"""Programs that would use these find out that there are none, as on an older kernel."""
FAMILIES = {0, 1, 2, 10, 16}
"""Of sockets, that exist: unspecified, Unix, IPv4, IPv6, netlink. Namespaces hold these; not AF_VSOCK, AF_ALG."""


def profile(architecture: int) -> pyseccomp.SyscallFilter:
    """The filter; calls of another architecture of the same processor (32 bits, x32) do not exist."""
    made = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    made.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.ERRNO(errno.ENOSYS))
    if architecture != pyseccomp.system_arch():
        made.add_arch(architecture)
        made.remove_arch(pyseccomp.system_arch())
    for names in FORBIDDEN.values():
        for name in names:
            made.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
    for name in MISSING:
        made.add_rule(pyseccomp.ERRNO(errno.ENOSYS), name)
    for call in ("socket", "socketpair"):
        for family in set(range(max(FAMILIES))) - FAMILIES:
            _no_family(made, call, pyseccomp.EQ, family)
        _no_family(made, call, pyseccomp.GT, max(FAMILIES))
    return made


def _no_family(made: pyseccomp.SyscallFilter, call: str, comparison: int, family: int) -> None:
    made.add_rule(pyseccomp.ERRNO(errno.EAFNOSUPPORT), call, pyseccomp.Arg(0, comparison, family))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for processor, architecture in PROCESSORS.items():
        with (folder / f"{processor}.bpf").open("wb") as file:
            profile(architecture).export_bpf(file)


if __name__ == "__main__":
    main()
