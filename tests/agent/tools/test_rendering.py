from __future__ import annotations

import random

import pytest

from interp_bench_ext.agent.tools.rendering import (
    MAX_IMAGES,
    MAX_TEXT,
    Images,
    clip,
    clipped,
    describe_outputs,
    fair_shares,
    full_text,
    output_text,
)

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def picture(data: str = PIXEL) -> dict:
    return {"output_type": "display_data", "data": {"image/png": data}, "metadata": {}}


def test_short_outputs_are_whole_and_long_ones_share_the_rest():
    assert fair_shares([2, 100, 100], 42) == [2, 20, 20]
    assert fair_shares([1, 2], 10) == [1, 2]
    assert fair_shares([], 10) == []


def test_a_gap_says_where_to_read_on():
    outputs = [stream("ab"), stream("x" * 50 + "y" * 50)]
    shown = clipped("c1", outputs, 22)
    assert shown.startswith("ab\nxxxxxxxxxx\n[… 80 characters left out: ")
    assert shown.endswith("yyyyyyyyyy")
    start = int(shown.split("offset=")[1].split(")")[0])
    assert full_text(outputs)[start - 10 : start] == "x" * 10


def test_an_outputs_text_is_what_a_person_reads():
    assert output_text(stream("\x1b[31mred\x1b[0m\n")) == "red"
    assert output_text({"output_type": "error", "ename": "E", "evalue": "v", "traceback": []}) == "E: v"
    assert output_text({"output_type": "display_data", "data": {"text/html": "<b>"}}) == "[text/html]"
    assert output_text(picture()) == ""


def test_only_what_is_an_image_goes_as_one():
    blocks = describe_outputs("ran", "c1", [picture(), picture("bm90IGFuIGltYWdl"), picture("%%%")])
    assert [block["type"] for block in blocks] == ["text", "image"]
    assert blocks[0]["text"].startswith("ran")


def test_more_images_than_a_result_holds_are_named():
    images = Images()
    said = images.take("c1", [picture()] * (MAX_IMAGES + 2))
    assert len(images.blocks) == MAX_IMAGES
    assert said.startswith(f"[images {MAX_IMAGES + 1} to {MAX_IMAGES + 2} of {MAX_IMAGES + 2} of c1 are left out")


def test_clipping_keeps_head_and_tail():
    assert clip("a" * 10 + "b" * 10, 6) == "aaa\n[… 14 characters left out …]\nbbb"
    assert clip("abc", 3) == "abc"


def test_no_output_pushes_out_the_others():
    outputs = [stream("first\n"), stream("x" * 10**6, "stderr"), stream("the result")]
    [block] = describe_outputs("[c1: ok]", "c1", outputs)
    assert block["text"].startswith("[c1: ok]\nfirst\nxxx")
    assert block["text"].endswith("xxx\nthe result")


@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_out_is_found_at_the_offset_that_is_told(seed):
    chance = random.Random(seed)
    outputs = [stream("".join(chance.choices("abc \n", k=chance.choice([3, 300, 40_000])))) for _ in range(40)]
    [block] = describe_outputs("[c1: ok]", "c1", outputs)
    whole = full_text(outputs)
    assert len(block["text"]) < MAX_TEXT + 40 * 120
    for before, after in zip(block["text"].split("\n[… ")[:-1], block["text"].split("\n[… ")[1:], strict=True):
        offset = int(after.split("offset=")[1].split(")")[0])
        left_out = int(after.split(" ")[0])
        tail = after.split("…]\n", 1)[1]
        assert whole[:offset].endswith(before[-5:])
        assert whole[offset + left_out :].startswith(tail[:5])


def test_a_cells_outputs_are_told_as_text_and_images():
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mE\x1b[0m: v"]}
    text, image = describe_outputs("[c3: error, 1.0 s]", "c3", [stream("hello\n"), picture(PIXEL + "\n"), error])
    assert text["text"] == "[c3: error, 1.0 s]\nhello\nE: v"
    assert image["source"] == {"type": "base64", "media_type": "image/png", "data": PIXEL}
