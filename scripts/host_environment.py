"""The environment that an organism's host works in, for what loads an organism into a process of its own."""

from __future__ import annotations

import os
import sys

from interp_bench_ext.organisms.process import HOST_ENVIRONMENT


def work_as_a_host() -> None:
    """Begin this program anew in that environment: some of it is read before Python starts.

    Without it, threads that spin for work steal from each other wherever the machine does something else too.
    """
    if any(os.environ.get(name) != value for name, value in HOST_ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **HOST_ENVIRONMENT})
