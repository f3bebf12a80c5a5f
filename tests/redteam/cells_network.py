"""Sockets that a kernel can reach."""

from __future__ import annotations

from .suite import CellAttempt

CELLS = [
    CellAttempt(
        id="C1",
        group="network",
        sentence="A TCP listener on the machine's loopback",
        code="def attempt(port): return connected(socket.AF_INET, ('127.0.0.1', port))",
        real="AT['tcp']",
        planted="greeter(socket.AF_INET, ('127.0.0.1', 0))[1]",
        documented=("process",),
    ),
    CellAttempt(
        id="C2",
        group="network",
        sentence="An abstract Unix socket of the machine",
        code="def attempt(name): return connected(socket.AF_UNIX, '\\0' + name)",
        real="AT['abstract']",
        planted="greeter(socket.AF_UNIX, '\\0planted')[1:].decode()",
        documented=("process",),
    ),
    CellAttempt(
        id="C3",
        group="network",
        sentence="A Unix socket of the machine, by its path",
        code="def attempt(path): return connected(socket.AF_UNIX, path)",
        real="AT['unix']",
        planted="greeter(socket.AF_UNIX, os.path.join(tempfile.mkdtemp(), 's'))",
        documented=("process",),
    ),
]
