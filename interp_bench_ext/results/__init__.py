"""What techniques return: frozen, typed, made of plain Python and numpy, never of torch.

A file of this folder is a result type: its fields, and how they look as a line, as text, as HTML, as a chart and as a
table. Every result crosses the wire by :func:`encode` and :func:`decode`; pandas and altair are imported when first
asked for.
"""

from .codec import decode, encode
from .kit.result import Floats, Ints, Result
from .registry import result_types

__all__ = ["Floats", "Ints", "Result", "decode", "encode", "result_types"]


def __getattr__(name: str) -> type[Result]:
    """A result type by its name, so that a technique need not know the file."""
    kind = result_types().get(name)
    if kind is None:
        raise AttributeError(f"there is no result type {name!r}")
    return kind
