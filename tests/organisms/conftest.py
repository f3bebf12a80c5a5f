"""The tiny models of the host's tests."""

from tests.host.conftest import *  # noqa: F403
