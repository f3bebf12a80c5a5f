"""What a kernel may take that no limit of a single process covers."""

from __future__ import annotations

from typing import Protocol


class Quota(Protocol):
    """Of one kernel."""

    sentence: str
    """Why the kernel ended, for the agent."""

    def exceeded(self) -> bool:
        """Whether it takes too much now; to be asked first when the kernel starts. Not for an event loop."""
        ...


def in_words(size: int) -> str:
    return f"{size / 2**30:.3g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"
