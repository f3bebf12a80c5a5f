"""Memory for the pieces of large results on their way through Modal's client."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""As in glibc's ``malloc.h``."""
_KEPT_BYTES = 64 << 20
_LARGEST_KEPT_BYTES = 32 << 20
"""The most that glibc takes."""


def keep_freed_memory() -> None:
    """Have this process use up to 64 MiB of freed memory again, where its C library is glibc.

    Pieces of 2 MiB come and go, each copied several times. Memory that is given back in between comes back as pages
    that the system must find and clear first, which is half of its own time over a large array.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
