"""Every technique's numbers beside an independent computation of them."""

from . import contrasting, editing, reading
from .case import CHECKS, Case, Check, Deviation

__all__ = ["CHECKS", "Case", "Check", "Deviation", "contrasting", "editing", "reading"]
