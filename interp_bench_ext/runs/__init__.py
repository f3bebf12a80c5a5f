"""Runs: one comes about in ``start`` and is driven by ``drive``, a server's many by ``manager``."""

from __future__ import annotations

from .drive import Run
from .environment import Environment
from .services import Services
from .start import carry_through, start_run

__all__ = ["Run", "Environment", "Services", "carry_through", "start_run"]
