"""A run's events as one HTML page."""

from __future__ import annotations

from .page import render_report

__all__ = ["render_report"]
