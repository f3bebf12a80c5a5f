from __future__ import annotations

import base64
import io
import random
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from interp_bench_ext.agent.images import LARGEST, LONGEST_EDGE, image_tokens, images_of, sendable
from interp_bench_ext.agent.provider import Prompt
from interp_bench_ext.agent.request_body import RequestBodies

from .accounting import tokens_of


def block(raw: bytes, media_type: str = "image/png") -> dict[str, Any]:
    data = base64.b64encode(raw).decode()
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def drawn(width: int, height: int, kind: str = "PNG", *, noise: bool = False) -> bytes:
    image = Image.new("RGB", (width, height), "white")
    if noise:
        image = Image.frombytes("RGB", (width, height), random.Random(0).randbytes(3 * width * height))
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def opened(fitted: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(fitted["source"]["data"])))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_image_of_ordinary_size_is_sent_as_it_is(kind: str) -> None:
    plot = block(drawn(800, 600, kind), f"image/{kind.lower()}")
    assert sendable(plot) == plot


def test_what_an_image_calls_itself_is_not_believed() -> None:
    assert sendable(block(drawn(9, 9, "JPEG"), "image/png"))["source"]["media_type"] == "image/jpeg"


@pytest.mark.parametrize(("size", "scaled"), [((3136, 1000), (1568, 500)), ((1000, 4704), (333, 1568))])
def test_a_large_image_is_scaled_down_the_same_way_each_time(size: tuple[int, int], scaled: tuple[int, int]) -> None:
    plot = block(drawn(*size))
    fitted = sendable(plot)
    assert opened(fitted).size == scaled
    assert sendable(block(drawn(*size))) == fitted
    assert opened(plot).size == size


def test_a_heavy_image_is_made_lighter() -> None:
    fitted = sendable(block(drawn(1500, 1500, noise=True)))
    assert len(base64.b64decode(fitted["source"]["data"])) <= LARGEST
    assert max(opened(fitted).size) <= LONGEST_EDGE
    assert fitted["source"]["media_type"] == "image/jpeg"


def test_transparency_becomes_white_paper() -> None:
    image = Image.frombytes("RGBA", (1600, 1600), random.Random(0).randbytes(4 * 1600 * 1600))
    image.putalpha(0)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    fitted = opened(sendable(block(buffer.getvalue())))
    if fitted.mode == "RGB":
        assert min(fitted.getpixel((5, 5))) > 240


def _huge() -> bytes:
    """A PNG that says it is 60,000 pixels wide and high."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "raw", [b"", b"not an image", drawn(50, 50)[:60], drawn(50, 50)[:-40], _huge(), b"<svg onload='x'/>"]
)
def test_a_broken_image_becomes_a_line_of_text(raw: bytes) -> None:
    assert sendable(block(raw)) == {"type": "text", "text": "[an image that cannot be read]"}
    assert image_tokens(block(raw)) >= 8
    assert sendable({"type": "image", "source": {"type": "base64", "media_type": "x", "data": "%%%"}})["type"] == "text"


def test_images_in_tool_results_are_fitted_when_a_request_is_made() -> None:
    plot = block(drawn(4000, 100))
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "a plot"}, plot]}
    messages = [{"role": "user", "content": [result]}]
    body = RequestBodies().body("m", Prompt(system="s", messages=messages), max_tokens=9)
    [sent] = images_of(body["messages"])
    assert opened(sent).size == (1568, 39)
    assert images_of(messages) == [plot]
    assert body["messages"][0]["content"][0]["content"][0] == {"type": "text", "text": "a plot"}


@pytest.mark.parametrize("size", [(1, 1), (28, 29), (640, 480), (2000, 2000)])
def test_an_image_costs_no_more_than_its_bound(size: tuple[int, int]) -> None:
    plot = block(drawn(*size))
    assert tokens_of(sendable(plot)) <= image_tokens(plot) <= tokens_of(sendable(plot)) + 16
