"""SVG without anything that is loaded, run or linked to: what is left is drawn as a picture in the child process."""

from __future__ import annotations

import re
from xml.etree import ElementTree

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_ELEMENTS = frozenset(
    "svg g defs symbol use title desc path rect circle ellipse line polyline polygon text tspan textPath image style "
    "linearGradient radialGradient stop clipPath mask marker pattern filter feBlend feColorMatrix feComposite feFlood "
    "feGaussianBlur feMerge feMergeNode feOffset".split()
)
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=\s]*")


def still(untrusted: str) -> str:
    """The drawing with known elements of SVG only; references lead to its own parts, pictures are inside of it.

    Raises ValueError for what is no SVG.
    """
    try:
        root = ElementTree.fromstring(untrusted)  # noqa: S314 - expat loads nothing and bounds what entities grow to
    except ElementTree.ParseError:
        raise ValueError("it is no SVG") from None
    if root.tag != f"{{{_SVG}}}svg":
        raise ValueError("it is no SVG")
    for element in list(root.iter()):
        for child in list(element):
            if not _is_known(child):
                element.remove(child)
        for name in [name for name in element.attrib if name in ("href", f"{{{_XLINK}}}href")]:
            if not _stays_inside(element, element.attrib[name]):
                del element.attrib[name]
    return ElementTree.tostring(root, encoding="unicode")


def _is_known(element: ElementTree.Element) -> bool:
    namespace, _, name = str(element.tag).removeprefix("{").partition("}")
    return namespace == _SVG and name in _ELEMENTS


def _stays_inside(element: ElementTree.Element, reference: str) -> bool:
    if element.tag == f"{{{_SVG}}}image":
        return _PICTURE.fullmatch(reference) is not None
    return reference.startswith("#")
