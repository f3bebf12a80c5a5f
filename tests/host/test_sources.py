from __future__ import annotations

from pathlib import Path

from interp_bench_ext.host.sources import Sources

SOURCES = Sources(model="/m", merge=None, adapter="/a", tokenizer="/a")


def test_each_folder_is_shown_once():
    assert SOURCES.folders == [Path("/m"), Path("/a")]


def test_folders_are_where_a_sandbox_shows_them_and_the_rest_stays():
    moved = SOURCES.moved({Path("/a"): "/inside/1"})
    assert (moved.model, moved.merge, moved.adapter, moved.tokenizer) == ("/m", None, "/inside/1", "/inside/1")


def test_they_go_through_the_pipe_and_print_as_nothing():
    assert Sources(**SOURCES.to_wire()) == SOURCES
    assert "/m" not in repr(SOURCES)
