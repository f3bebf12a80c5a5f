"""Processes, their environment, memory, descriptors and keys."""

from __future__ import annotations

from .suite import CellAttempt

CELLS = [
    CellAttempt(
        id="B1",
        group="processes",
        sentence="Environment, command line and maps of every process in reach",
        code="def attempt(pids):\n"
        "    names = ('environ', 'cmdline', 'maps', 'mountinfo', 'stack', 'comm')\n"
        "    return b''.join(c for p in pids for n in names if isinstance(c := maybe(read, f'/proc/{p}/{n}'), bytes))",
        real="[p for p in os.listdir('/proc') if p.isdigit()]",
        planted="[child(PLANTED=MARKS['key'])]",
        documented=("process",),
    ),
    CellAttempt(
        id="B3",
        group="processes",
        sentence="The kernel's own environment holds a key of the server",
        code="def attempt(environment): return dict(environment)",
        real="os.environ",
        planted="{'ANTHROPIC_API_KEY': MARKS['key']}",
    ),
    CellAttempt(
        id="B5",
        group="processes",
        sentence="A descriptor that was inherited is read",
        code="def attempt(fds):\n"
        "    regular = [fd for fd in fds if maybe(lambda: stat.S_ISREG(os.fstat(fd).st_mode)) is True and not is_planted(fd)]\n"
        "    return b''.join(c for fd in regular if isinstance(c := maybe(os.pread, fd, 100_000, 0), bytes))",
        real="range(3, 4096)",
        planted="[os.open(planted('descriptor', 'inherited'), os.O_RDONLY)]",
    ),
]
