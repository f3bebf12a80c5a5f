"""The pieces that results' HTML is made of: no script, no class, only what an untrusted notebook keeps.

JupyterLab's sanitiser drops ``var(…)``, so text takes the page's own colour and fills are half-transparent or
carry their own text colour: that reads in light and dark, with or without the theme's variables.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .safe_text import clean, more, shorten, token_label

MONO = "font-family:monospace;font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)"
LINE = "rgba(128,128,128,0.35)"
ACCENT, OTHER = "rgba(0,114,178,{})", "rgba(213,94,0,{})"
EDGE = f"border-left:3px solid {LINE};padding-left:10px;overflow-wrap:break-word"


def escaped(plain: str) -> str:
    return html.escape(clean(plain), quote=True)


def passage(plain: str, style: str = "") -> str:
    """A text with its own line breaks."""
    return f'<span style="white-space:pre-wrap;overflow-wrap:break-word{style and f";{style}"}">{escaped(plain)}</span>'


def token(plain: str, limit: int = 24) -> str:
    """One token in the code font, its spaces visible."""
    style = f"{MONO};white-space:nowrap;padding:0 3px;background-color:rgba(128,128,128,0.14)"
    return f'<span style="{style}">{html.escape(token_label(plain, limit))}</span>'


def quiet(inner: str) -> str:
    return f'<div style="opacity:0.7;font-size:12px">{inner}</div>'


def not_shown(hidden: int, noun: str) -> Iterable[str]:
    """The line that says how much is left out, where anything is."""
    return (quiet(escaped(line)) for line in more(hidden, noun))


def prompt(label: str, content: str) -> str:
    shown = shorten(clean(content), 600)
    if not shown:
        return quiet(f"no {label}")
    return (
        '<div style="margin:8px 0 2px 0;overflow-wrap:break-word" dir="auto">'
        f'<span style="opacity:0.7;font-size:12px">{label} </span>{passage(shown, "font-weight:600")}</div>'
    )


def table(rows: Iterable[str], header: str = "") -> str:
    head = f"<thead>{header}</thead>" if header else ""
    style = "table-layout:auto;border-collapse:collapse;margin:4px 0 8px 0;border:none;font-size:13px"
    return f'<table style="{style}">{head}<tbody>{"".join(rows)}</tbody></table>'


def row(cells: Iterable[str], tag: str = "td", aligns: str = "") -> str:
    """A table's row; ``aligns`` has a letter (l, r, c) for each cell."""

    def cell(content: str, align: str) -> str:
        side = {"r": "right", "l": "left", "c": "center"}[align]
        style = f"text-align:{side};padding:1px 10px 1px 0;border:none;white-space:nowrap"
        return f'<{tag} style="{style};font-weight:{"600" if tag == "th" else "normal"}">{content}</{tag}>'

    pairs = itertools.zip_longest(cells, aligns, fillvalue="l")
    return f"<tr>{''.join(cell(content, align) for content, align in pairs)}</tr>"


def bar(part: float, colour: str = ACCENT, width: int = 220) -> str:
    """A bar filled to ``part``, from 0 to 1."""
    fill = max(0, min(width, round(width * part))) if np.isfinite(part) else 0
    return (
        f'<div style="width:{width}px;height:11px;background-color:rgba(128,128,128,0.12)">'
        f'<div style="width:{fill}px;height:11px;background-color:{colour.format("0.85")}"></div></div>'
    )


def largest(values: NDArray[np.float32]) -> float:
    """The largest size of any value, which bars and colours are in full at; 1 where there is none."""
    return float(np.nan_to_num(np.abs(values)).max(initial=0)) or 1.0


def signed_bar(value: float, most: float) -> str:
    """A bar of a number's size, filled at ``most``, in the colour of its sign."""
    return bar(abs(value) / most, ACCENT if value >= 0 else OTHER, 160)


def said(plain: str, colour: str = ACCENT, *, about: str = "", limit: int = 800) -> str:
    """The beginning of a text that a model wrote, below a quiet line ``about`` it."""
    edge = f"border-left:3px solid {colour.format('0.7')};padding:1px 0 1px 10px;margin:4px 0"
    told = quiet(escaped(about)) if about else ""
    return f'<div dir="auto" style="{edge}">{told}{passage(shorten(clean(plain), limit))}</div>'


def page(headline: str, pieces: Iterable[str]) -> str:
    """A whole result as one self-contained ``div``."""
    head = f'<div style="opacity:0.75;margin-bottom:6px">{escaped(headline)}</div>'
    return (
        f'<div style="font-size:13px;line-height:1.45;max-width:1000px;overflow-x:auto">{head}{"".join(pieces)}</div>'
    )


def folded(label: str, inner: str) -> str:
    """``inner`` behind a line that opens it."""
    style = "font-size:12px;opacity:0.75;margin-bottom:4px"
    return f'<details><summary style="{style}">{label}</summary>{inner}</details>'
