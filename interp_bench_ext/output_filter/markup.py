"""HTML and Markdown without anything that runs, loads, leaves its box or speaks to the page around it.

Called in a :mod:`worker <.worker>` only: what is nested deeply enough keeps an HTML parser busy for minutes.
"""

from __future__ import annotations

import functools
import re

import nh3
from cmarkgfm import markdown_to_html_with_extensions
from cmarkgfm.cmark import Options


def _set(words: str) -> set[str]:
    return set(words.split())


_TAGS = _set(
    "a b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd "
    "li mark ol p pre progress s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var"
)
# Their text is not for people either.
_WITH_CONTENT = _set("script style template iframe object noscript svg math title textarea select")
_ATTRIBUTES = {
    "*": _set("style title dir"),
    "a": {"href"},
    "col": {"span"},
    "details": {"open"},
    "img": _set("src alt"),
    "ol": {"start"},
    "progress": _set("value max"),
    "td": _set("colspan rowspan"),
    "th": _set("colspan rowspan"),
}
_STYLES = _set(
    "background-color border border-bottom border-collapse border-color border-left border-radius border-right "
    "border-spacing border-style border-top border-width box-shadow color display font-family font-size font-style "
    "font-variant-numeric font-weight height letter-spacing line-height margin margin-bottom margin-left "
    "margin-right margin-top max-height max-width min-width opacity overflow overflow-wrap overflow-x overflow-y "
    "padding padding-bottom padding-left padding-right padding-top table-layout text-align text-decoration "
    "vertical-align white-space width word-break"
)
# Neither url() nor an escape that could spell it.
_VALUE = re.compile(r"(?:[\w\s#%.,'\"+-]|(?:(?<![\w-])(?:rgba?|hsla?|var|calc)\([\w\s#%.,'\"+/*-]*\)))*", re.ASCII)
_DATA_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
_LINK = re.compile(r"(https?://|#)", re.IGNORECASE)
_MARKDOWN_OPTIONS = Options.CMARK_OPT_UNSAFE
_CLEANER_EXTENSIONS = ["table", "strikethrough"]


def clean_html(untrusted: str) -> str:
    """``untrusted`` with the allowed elements, attributes and styles only; pictures are data inside of it."""
    return nh3.clean(
        untrusted,
        tags=_TAGS,
        clean_content_tags=_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "data"},
        link_rel="noopener noreferrer",
    )


def markdown_html(untrusted: str) -> str:
    """Markdown as clean HTML, HTML that is written inside of it included."""
    return clean_html(markdown_to_html_with_extensions(untrusted, _MARKDOWN_OPTIONS, _CLEANER_EXTENSIONS))


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if _DATA_IMAGE.fullmatch(value) else None
    if name == "href":
        return value if _LINK.match(value) else None
    return _style(value) or None if name == "style" else value


@functools.lru_cache(maxsize=1024)
def _style(declarations: str) -> str:
    kept = (declaration.partition(":") for declaration in declarations.split(";"))
    return ";".join(
        f"{name.strip().lower()}:{value.strip()}"
        for name, _, value in kept
        if name.strip().lower() in _STYLES and _VALUE.fullmatch(value)
    )
