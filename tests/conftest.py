from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# Workers share few cores, and threads that wait for one another spin: many times slower for models as small as these.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Workers and the processes that tests start would compile the same modules anew, hundreds of times.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# What a shell has in the background ignores interrupts, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine makes single examples slow, which says nothing about the code.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

pytest_plugins = ["tests.redteam.plugin"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole investigations first: at the end one of them would keep a single core busy for minutes."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)
