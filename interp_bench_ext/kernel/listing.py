"""What a command has to say: a text, or a small table, as a terminal and a notebook show it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from ..results.kit.safe_text import clean, clip

_WIDEST = 60


class Text(str):
    """A text that a notebook shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, repr=False)
class Listing:
    """Rows under headings, with a sentence above them where there is one to say."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def __repr__(self) -> str:
        shown = [[clip(cell, _WIDEST) for cell in row] for row in [self.columns, *self.rows]]
        widths = [max(len(row[place]) for row in shown) for place in range(len(self.columns))]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in shown)
        table = [line.rstrip() for line in lines] if self.rows else []
        return "\n".join([*([clean(self.note)] if self.note else []), *table])

    def _repr_html_(self) -> str:
        note = f'<div style="opacity:0.75;margin-bottom:4px">{html.escape(clean(self.note))}</div>' if self.note else ""
        if not self.rows:
            return note
        head, *body = [_row(cells, tag) for cells, tag in [(self.columns, "th"), *((row, "td") for row in self.rows)]]
        style = "table-layout:auto;border-collapse:collapse;margin:0;font-size:13px"
        return f'{note}<table style="{style}"><thead>{head}</thead><tbody>{"".join(body)}</tbody></table>'


def _row(cells: Sequence[str], tag: str) -> str:
    style = "text-align:left;vertical-align:top;padding:2px 14px 2px 0;max-width:420px"
    return "<tr>" + "".join(f'<{tag} style="{style}">{html.escape(clean(cell))}</{tag}>' for cell in cells) + "</tr>"


@dataclass(frozen=True, repr=False)
class Pointer:
    """A sentence with a link to a notebook; ``href`` is relative to the notebook that shows it."""

    text: str
    path: str
    href: str

    def __repr__(self) -> str:
        return f"{self.text} {self.path}"

    def _repr_html_(self) -> str:
        target, shown = html.escape(self.href, quote=True), html.escape(clean(self.path))
        return f'<div>{html.escape(clean(self.text))} <a href="{target}">{shown}</a></div>'
