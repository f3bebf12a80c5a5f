from __future__ import annotations

from pathlib import Path

from interp_bench_ext.sandbox.mounts import hidden, link, memory_folder, read_only, writable

HERE, THERE = Path("/here"), Path("/there")


def test_a_mount_is_at_its_own_place_unless_it_is_given_another():
    assert read_only(HERE).options == ("--ro-bind", "/here", "/here")
    assert read_only(HERE, THERE).options == ("--ro-bind", "/here", "/there")
    assert writable(HERE, THERE).options == ("--bind", "/here", "/there")
    assert (read_only(HERE).target, writable(HERE, THERE).target) == (HERE, THERE)


def test_a_link_leads_to_its_target():
    assert link(HERE, Path("usr/bin")).options == ("--symlink", "usr/bin", "/here")


def test_memory_has_a_size_and_what_is_hidden_cannot_be_written_to():
    assert memory_folder(HERE, size_bytes=7).options == ("--size", "7", "--perms", "1777", "--tmpfs", "/here")
    assert hidden(HERE, folder=True).options == ("--tmpfs", "/here", "--remount-ro", "/here")
    assert hidden(HERE, folder=False).options == ("--ro-bind", "/dev/null", "/here")
