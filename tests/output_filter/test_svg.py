"""SVG of a run's kernel: drawn without what it would load, in bounded time."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
import vl_convert
from PIL import Image

from interp_bench_ext.output_filter.cleaner import LeftOut, draw_svg
from interp_bench_ext.output_filter.svg import still
from tests.redteam.suite import attempt

RED = '<rect width="40" height="40" fill="#f00"/>'


def svg(body: str, size: int = 40) -> str:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} width="{size}" height="{size}">{body}</svg>'


def middle(png: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(png)) as image:
        return tuple(image.convert("RGBA").getpixel((20, 20)))


@attempt("F7s", "browser", "An SVG shows a file of the machine as it is drawn", veil="any")
@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_drawing_shows_no_file(tmp_path: Path, attribute: str, scheme: str) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text(svg(RED))
    drawing = svg(f'<image {attribute}="{secret}" width="40" height="40"/>')
    assert middle(vl_convert.svg_to_png(drawing)) == (255, 0, 0, 255)
    asked = drawing.replace(str(secret), f"{scheme}{secret}")
    assert middle(draw_svg(asked)) == (0, 0, 0, 0)


def test_what_stands_in_it_is_drawn() -> None:
    inside = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(inside, "PNG")
    picture = base64.b64encode(inside.getvalue()).decode()
    for body in (
        RED,
        f'<defs><g id="a">{RED}</g></defs><use xlink:href="#a"/>',
        f'<image xlink:href="data:image/png;base64,{picture}" width="40" height="40"/>',
        '<style>.a { fill: red }</style><rect class="a" width="40" height="40"/>',
    ):
        assert middle(draw_svg(svg(body))) == (255, 0, 0, 255)


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<foreignObject><b xmlns="http://www.w3.org/1999/xhtml">x</b></foreignObject>',
        '<a href="javascript:alert(1)"><g/></a>',
        '<filter id="f"><feImage href="/etc/passwd"/></filter>',
        '<image href="data:image/svg+xml;base64,AAAA"/>',
        '<use href="https://canary.test/x.svg#a"/>',
        '<animate attributeName="href" to="https://canary.test"/>',
    ],
)
def test_what_runs_loads_or_links_is_taken_out(body: str) -> None:
    left = still(svg(body + RED))
    assert "rect" in left
    assert not [word for word in ("script", "foreign", "canary", "feImage", "passwd", "AAAA") if word in left]


@pytest.mark.parametrize(
    "hostile",
    [
        "<svg",
        "<html/>",
        svg("<g>" * 100_000 + "</g>" * 100_000),
        svg(RED, size=1_000_000),
        f'<!DOCTYPE svg [<!ENTITY a "{"x" * 100_000}"><!ENTITY b "{"&a;" * 1000}">]>{svg("<text>&b;&b;</text>")}',
    ],
)
def test_what_cannot_be_drawn_is_left_out(hostile: str) -> None:
    with pytest.raises(LeftOut):
        draw_svg(hostile)
