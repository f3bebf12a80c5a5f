"""What grids of layers, sites or heads over tokens have in common, as plain text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from .elements import MONO
from .safe_text import token_label

TEXT_ROWS, TEXT_TOKENS, TEXT_CELL = 16, 6, 14
HTML_ROWS, HTML_TOKENS = 40, 12
CELL_WIDTH, CELL_HEIGHT, CELL_CHARACTERS = 60, 17, 9
TARGET_CHARACTERS = 24
"""Of a cell in a chart, in pixels and characters."""
_HEAD = "text-align:center;padding:2px 4px;font-weight:600;white-space:nowrap"
_SIDE = "text-align:right;padding:1px 6px 1px 0;font-weight:normal;opacity:0.75;white-space:nowrap"
_CELL = "padding:1px 4px;text-align:center;white-space:nowrap"


def cell_characters(target: str) -> int:
    """How many characters a cell of a chart or a table has room for, so that ``target`` is never cut."""
    return max(CELL_CHARACTERS, len(token_label(target, TARGET_CHARACTERS)) if target else 0)


def text_heads(tokens: Sequence[str], columns: Sequence[int]) -> Iterable[str]:
    return (token_label(tokens[column], TEXT_CELL - 2) for column in columns)


def text_line(label: str, width: int, cells: Iterable[str]) -> str:
    row = "".join(f"{cell[: TEXT_CELL - 1]:<{TEXT_CELL}}" for cell in cells)
    return f"{label:>{width}}  {row}".rstrip()


def html_grid(corner: str, tokens: Sequence[str], rows: Iterable[tuple[str, list[str]]]) -> str:
    """A table with ``tokens`` above and each row's label at its side; the cells are made by :func:`html_cell`."""
    names = "".join(f'<th style="{_HEAD}">{html.escape(token_label(name, 12))}</th>' for name in tokens)
    side = '<tr><th style="{}">{}</th>{}</tr>'
    body = "".join(side.format(_SIDE, html.escape(label), "".join(cells)) for label, cells in rows)
    style = f"table-layout:auto;border-collapse:collapse;margin:4px 0;font-size:11px;{MONO}"
    head = side.format(_SIDE, corner, names)
    return f'<table style="{style}"><thead>{head}</thead><tbody>{body}</tbody></table>'


def html_cell(content: str, style: str, title: str = "") -> str:
    named = f' title="{html.escape(title)}"' if title else ""
    return f'<td style="{style};{_CELL}"{named}>{html.escape(content)}</td>'
