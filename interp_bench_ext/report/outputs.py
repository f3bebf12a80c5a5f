"""Cells as HTML. All of it was made by the agent or the organism, so none of it is trusted.

Text is escaped, HTML and Markdown keep only harmless elements, and pictures are data in ``img`` elements,
where nothing in them can run.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import bleach  # type: ignore[import-untyped]
import mistune
from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
from markupsafe import Markup
from nbconvert.filters import ansi2html
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, get_lexer_by_name
from pygments.util import ClassNotFound

VEGALITE = re.compile(r"application/vnd\.vegalite\.v5(\.\d+)*\+json")
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_DATA_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
_LINK = re.compile(r"(https?://|#)", re.IGNORECASE)
_WITH_CONTENT = re.compile(r"<(script|style|template|iframe|object)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_MAX_TEXT = 200_000


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TAGS = _set(
    "a b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd "
    "li mark ol p pre s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var"
)
_STYLES = _set(
    "background-color border border-bottom border-collapse border-color border-left border-radius "
    "border-right border-spacing border-style border-top border-width color display font-family font-size "
    "font-style font-variant-numeric font-weight height letter-spacing line-height margin margin-bottom "
    "margin-left margin-right margin-top max-height max-width min-width opacity overflow overflow-wrap "
    "overflow-x overflow-y padding padding-bottom padding-left padding-right padding-top table-layout "
    "text-align text-decoration vertical-align white-space width word-break"
)
_CSS = CSSSanitizer(allowed_css_properties=_STYLES, allowed_svg_properties=[])
_MARKDOWN = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])
_FORMATTER = HtmlFormatter(nowrap=True)


def clean_html(untrusted: str) -> Markup:
    """``untrusted`` without anything that runs, loads or reaches out of its box."""
    visible = _WITH_CONTENT.sub("", untrusted[: _MAX_TEXT * 5])
    kept = bleach.clean(
        visible,
        tags=_TAGS,
        attributes=_attribute_allowed,
        protocols=["http", "https", "data"],
        css_sanitizer=_CSS,
        strip=True,
        strip_comments=True,
    )
    return Markup(kept)


def markdown(untrusted: str) -> Markup:
    """Markdown as clean HTML; HTML written inside it is shown as text."""
    return clean_html(str(_MARKDOWN(untrusted)))


def source_html(source: str) -> Markup:
    """A code cell's source with highlighting."""
    try:
        lexer = get_lexer_by_name("ipython3")
    except ClassNotFound:
        lexer = PythonLexer()
    return Markup(highlight(source, lexer, _FORMATTER))


def outputs_html(outputs: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """The outputs of one cell, in order; neighbouring pieces of one stream are joined."""
    return [_output(output) for output in _joined(outputs)]


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


def _output(output: Mapping[str, Any]) -> Markup:
    match output.get("output_type"):
        case "stream":
            kind = "stderr" if output.get("name") == "stderr" else "stdout"
            return _pre(_text(output.get("text")), kind)
        case "error":
            lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
            return _pre("\n".join(map(str, lines)), "error")
        case _:
            return _display(output.get("data") or {})


def _display(data: Mapping[str, Any]) -> Markup:
    """A picture where there is one, with the table a click away; else the richest form that is safe."""
    picture = _picture(data)
    table = clean_html(_text(data["text/html"])) if "text/html" in data else None
    if picture and table:
        return Markup(
            '{}<details class="as-table"><summary>Table</summary><div class="html">{}</div></details>'
        ).format(picture, table)
    if picture:
        return picture
    if table and table.strip():
        return Markup('<div class="html">{}</div>').format(table)
    if "text/markdown" in data:
        return Markup('<div class="prose">{}</div>').format(markdown(_text(data["text/markdown"])))
    plain = data.get("text/plain") or data.get("text/latex") or next(iter(data.values()), "")
    return _pre(_text(plain), "result")


def _picture(data: Mapping[str, Any]) -> Markup | None:
    alt = _text(data.get("text/plain"))[:200]
    for kind in _IMAGES:
        if kind in data:
            return _image(kind, _base64(_text(data[kind])), alt)
    if "image/svg+xml" in data:
        return _image("image/svg+xml", _encoded(_text(data["image/svg+xml"])), alt)
    spec = next((value for kind, value in data.items() if VEGALITE.fullmatch(kind)), None)
    drawn = _drawn(spec) if spec is not None else None
    return _image("image/svg+xml", _encoded(drawn), alt) if drawn else None


def _drawn(spec: Any) -> str | None:
    """A Vega-Lite chart as SVG, without access to files or the network; None where it cannot be drawn."""
    import vl_convert

    try:
        drawn: str = vl_convert.vegalite_to_svg(json.dumps(spec), vl_version="v5.20", allowed_base_urls=[])
    except ValueError:
        return None
    return drawn


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


def _attribute_allowed(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and bool(_DATA_IMAGE.fullmatch(value))
    if name == "href":
        return tag == "a" and bool(_LINK.match(value))
    return name in ("style", "title", "alt", "dir", "colspan", "rowspan", "start", "open")
