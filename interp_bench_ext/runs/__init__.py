"""Runs: one is driven by ``drive``, a server's many by ``manager``."""

from __future__ import annotations

from .choices import organism_spec
from .drive import Run, resume_run, start_run
from .workplace import Workplace

__all__ = ["Run", "Workplace", "organism_spec", "resume_run", "start_run"]
