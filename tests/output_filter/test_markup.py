from __future__ import annotations

import pytest

from interp_bench_ext.output_filter.markup import clean_html, markdown_html


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        ("color:red;position:fixed;COLOR : blue", "color:red;color:blue"),
        ("width:calc(100% - 2px);color:rgb(1,2,3)", "width:calc(100% - 2px);color:rgb(1,2,3)"),
        ("color:url(x)", None),
        ("color:u\\72l(x)", None),
        ("color:expression(alert(1))", None),
        ("background-color:-moz-rgb(1)", None),
        ("color:rgb(url(x))", None),
        ("color:/**/red", None),
        ("nonsense", None),
    ],
)
def test_a_style_keeps_what_can_only_look(style: str, kept: str | None):
    assert clean_html(f'<p style="{style}">x</p>') == (f'<p style="{kept}">x</p>' if kept else "<p>x</p>")


@pytest.mark.parametrize(
    ("source", "stays"),
    [
        ("data:image/png;base64,AAAA", True),
        ("data:image/svg+xml;base64,AAAA", False),
        ("data:image/png,AAAA", False),
        ("data:text/html;base64,AAAA", False),
        ("https://canary.test/x.png", False),
        ("/files/secret.png", False),
        ("//canary.test/x.png", False),
    ],
)
def test_a_picture_is_data_inside_of_it(source: str, stays: bool):
    assert ("src" in clean_html(f'<img src="{source}">')) is stays


@pytest.mark.parametrize(
    ("address", "stays"),
    [
        ("https://example.org", True),
        ("HTTP://example.org", True),
        ("#cell-3", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("/lab/api", False),
        ("mailto:a@b.c", False),
        ("vbscript:x", False),
    ],
)
def test_a_link_leads_to_the_web_or_within_the_page(address: str, stays: bool):
    assert ("href" in clean_html(f'<a href="{address}">x</a>')) is stays


@pytest.mark.parametrize("tag", ["script", "style", "svg", "iframe", "template", "textarea", "title", "noscript"])
def test_what_is_not_for_people_goes_with_its_text(tag: str):
    assert clean_html(f"a<{tag}>inside</{tag}>b") == "ab"


def test_an_unknown_element_goes_and_its_text_stays():
    assert clean_html("<blink data-x=1>text</blink>") == "text"


def test_html_inside_of_markdown_is_cleaned_too():
    html = markdown_html("**b** <i onclick=x>i</i>\n\n<script>alert(1)</script>\n\n[l](javascript:x) ![p](https://x/p)")
    assert "<strong>b</strong> <i>i</i>" in html
    for gone in ("onclick", "alert", "javascript", "https://x/p"):
        assert gone not in html
