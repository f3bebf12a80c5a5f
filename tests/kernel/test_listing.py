from __future__ import annotations

from interp_bench_ext.kernel.listing import Listing, Pointer, Text


def test_columns_are_aligned_and_hostile_cells_are_cleaned():
    listing = Listing(["name", "state"], [["a", "ready\x1b[31m"], ["longer", "lost"]], "Two organisms.")
    assert repr(listing) == "Two organisms.\nname    state\na       ready\nlonger  lost"


def test_html_escapes_what_it_shows():
    page = Listing(["<b>"], [["<script>"]], "a & b")._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<script>" not in page
    assert "a &amp; b" in page


def test_without_rows_only_the_note_stands():
    assert repr(Listing(["a"], [], "None.")) == "None."
    assert "<table" not in Listing(["a"], [], "None.")._repr_html_()
    assert repr(Text("as it is")) == "as it is"


def test_a_pointer_is_a_link_for_those_who_can_click():
    pointer = Pointer("See", 'a"b.ipynb', 'x"y')
    assert repr(pointer) == 'See a"b.ipynb'
    assert 'href="x&quot;y"' in pointer._repr_html_()
