from __future__ import annotations

import pytest
from hypothesis import settings

# A busy machine makes single examples slow, which says nothing about the code.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

pytest_plugins = ["tests.redteam.plugin"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole investigations first: at the end one of them would keep a single core busy for minutes."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)
