"""Users of a JupyterHub for attempts on each other, and what they hold.

`mallory` has an account, a token of her own and an organism that she may use; `alice` works beside her.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hub.conftest import hub, organisms, tokens
from tests.hub.hub import Hub
from tests.hub.people import Held, call, end, outcome, take

from ..room import MARKS
from .users import Tokens

__all__ = ["hub", "organisms", "tokens"]


@pytest.fixture(scope="session")
def prompt() -> str:
    """What the organisms hide."""
    return MARKS["prompt"]


@pytest.fixture
def alices(hub: Hub, tokens: Tokens) -> Iterator[Held]:
    """A ticket of alice's, which works."""
    held = take(hub, tokens["alice"])
    assert outcome(call(hub, held.token)) == "ok"
    yield held
    end(hub, tokens["alice"], held)


@pytest.fixture
def mallorys(hub: Hub, tokens: Tokens) -> Iterator[Held]:
    """One of mallory's."""
    held = take(hub, tokens["mallory"])
    yield held
    end(hub, tokens["mallory"], held)
