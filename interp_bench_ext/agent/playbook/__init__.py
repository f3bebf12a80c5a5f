"""The offline agent."""

from __future__ import annotations

from .provider import PlaybookProvider

__all__ = ["PlaybookProvider"]
