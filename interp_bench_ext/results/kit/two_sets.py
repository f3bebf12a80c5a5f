"""What results have in common that tell one set of texts from another."""

from __future__ import annotations

from .result import Result
from .safe_text import counted


class TwoSets(Result):
    """A result over two sets of texts."""

    n_texts: int
    """Of the first set."""
    n_other_texts: int

    def _sizes(self) -> str:
        """Of both sets; for a headline."""
        return f"{counted(self.n_texts, 'text')} against {self.n_other_texts:,}"
