"""Cells as HTML. All of it was made by the agent or the organism, so none of it is trusted.

Text is escaped; HTML and Markdown go through the same filter as a kernel's outputs, as a journal may be older than
that; pictures are data in ``img`` elements, where nothing in them can run.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from nbconvert.filters import ansi2html
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, get_lexer_by_name
from pygments.util import ClassNotFound

from ..output_filter.cleaner import Cleaner, LeftOut, draw_chart
from ..results.kit.bundles import CHART

VEGALITE = re.compile(r"application/vnd\.vegalite\.v5(\.\d+)*\+json")
"""Charts in journals of 0.1.0."""
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_MAX_TEXT = 200_000
_MAX_MARKUP = 1_000_000
_PATIENCE = 5
"""Outputs that may take too long before no further one is tried."""
_FORMATTER = HtmlFormatter(nowrap=True)


def source_html(source: str) -> Markup:
    """A code cell's source with highlighting."""
    try:
        lexer = get_lexer_by_name("ipython3")
    except ClassNotFound:
        lexer = PythonLexer()
    return Markup(highlight(source, lexer, _FORMATTER))


class Shown:
    """What the agent and its cells have made, as a page may show it."""

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner
        self._failures = 0

    def markdown(self, untrusted: str) -> Markup:
        """Markdown as clean HTML."""
        return self._clean(self._cleaner.markdown, untrusted) or _pre(untrusted, "result")

    def outputs(self, outputs: Sequence[Mapping[str, Any]]) -> list[Markup]:
        """The outputs of one cell, in order; neighbouring pieces of one stream are joined."""
        return [self._output(output) for output in _joined(outputs)]

    def _output(self, output: Mapping[str, Any]) -> Markup:
        match output.get("output_type"):
            case "stream":
                kind = "stderr" if output.get("name") == "stderr" else "stdout"
                return _pre(_text(output.get("text")), kind)
            case "error":
                lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
                return _pre("\n".join(map(str, lines)), "error")
            case _:
                return self._display(output.get("data") or {})

    def _display(self, data: Mapping[str, Any]) -> Markup:
        """A picture where there is one, with the table a click away; else the richest form that is safe."""
        picture = self._picture(data)
        table = self._clean(self._cleaner.html, _text(data["text/html"])) if "text/html" in data else None
        if picture and table:
            return Markup(
                '{}<details class="as-table"><summary>Table</summary><div class="html">{}</div></details>'
            ).format(picture, table)
        if picture:
            return picture
        if table and table.strip():
            return Markup('<div class="html">{}</div>').format(table)
        if "text/markdown" in data:
            return Markup('<div class="prose">{}</div>').format(self.markdown(_text(data["text/markdown"])))
        plain = data.get("text/plain") or data.get("text/latex") or next(iter(data.values()), "")
        return _pre(_text(plain), "result")

    def _picture(self, data: Mapping[str, Any]) -> Markup | None:
        alt = _text(data.get("text/plain"))[:200]
        for kind in _IMAGES:
            if kind in data:
                return _image(kind, _base64(_text(data[kind])), alt)
        spec = next((value for kind, value in data.items() if VEGALITE.fullmatch(kind)), None)
        if spec is None and isinstance(data.get(CHART), dict):
            spec = data[CHART].get("spec")
        return None if spec is None else self._tried(lambda: _image("image/png", _drawn(spec), alt))

    def _clean(self, clean: Callable[[str], str], untrusted: str) -> Markup | None:
        return self._tried(lambda: Markup(clean(untrusted[:_MAX_MARKUP])))

    def _tried(self, show: Callable[[], Markup | None]) -> Markup | None:
        """What cannot be shown costs itself only, and many such things not the page."""
        if self._failures >= _PATIENCE:
            return _pre("[… left out: too much of this run cannot be shown …]", "result")
        try:
            return show()
        except LeftOut as why:
            self._failures += 1
            return _pre(f"[… left out: {why} …]", "result")


def _joined(outputs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    joined: list[Mapping[str, Any]] = []
    for output in outputs:
        if output.get("output_type") == "display_data" and not output.get("data"):
            continue  # a progress line that has been taken away again
        before = joined[-1] if joined else {}
        same = output.get("output_type") == "stream" == before.get("output_type")
        if same and output.get("name") == before.get("name"):
            joined[-1] = {**before, "text": _text(before.get("text")) + _text(output.get("text"))}
        else:
            joined.append(output)
    return joined


def _drawn(spec: Any) -> str:
    if not isinstance(spec, dict):
        raise LeftOut("it is no chart")
    return _encoded(draw_chart(spec))


def _image(kind: str, data: str | None, alt: str) -> Markup | None:
    if not data:
        return None
    return Markup('<img class="picture" src="data:{};base64,{}" alt="{}">').format(kind, data, alt)


def _base64(text: str) -> str | None:
    try:
        return _encoded(base64.b64decode(text, validate=False))
    except binascii.Error:
        return None


def _encoded(content: str | bytes) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode("ascii")


def _pre(text: str, kind: str) -> Markup:
    shown = text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}\n… {len(text) - _MAX_TEXT} more characters"
    coloured = ansi2html(_carriage_returns(shown.rstrip("\n")))  # type: ignore[no-untyped-call]
    # ansi2html escapes the text and adds spans.
    return Markup('<pre class="{}">{}</pre>').format(kind, Markup(coloured))


def _carriage_returns(text: str) -> str:
    """What a terminal would show: a line's last version."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _text(value: object) -> str:
    if isinstance(value, list):
        return "".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
