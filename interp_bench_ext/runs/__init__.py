"""Runs: one comes about in ``origins`` and is driven by ``drive``, a server's many by ``manager``."""

from __future__ import annotations

from .choices import organism_spec
from .drive import Run
from .whole import carry_through, resume_run, start_run
from .workplace import Workplace

__all__ = ["Run", "Workplace", "carry_through", "organism_spec", "resume_run", "start_run"]
