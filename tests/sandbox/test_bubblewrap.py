from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.sandbox.bubblewrap import bwrap_command, sandbox_available
from interp_bench_ext.sandbox.mounts import read_only, writable

PLACE = Path("/work")


def options(*mounts, **more) -> list[str]:
    return bwrap_command(mounts, cwd=PLACE, arguments=["-c", "1"], **more)


def position(command: list[str], *part: str) -> int:
    return next(at for at in range(len(command)) if command[at : at + len(part)] == list(part))


def test_a_deeper_mount_lies_upon_one_that_is_less_deep():
    command = options(writable(Path("/h"), PLACE / "a" / "b"), read_only(Path("/h"), PLACE), read_only(Path("/h")))
    assert position(command, "--ro-bind", "/h", "/work") < position(command, "--bind", "/h", "/work/a/b")


def test_nothing_of_the_machine_is_shared_and_nothing_can_be_gained():
    command = options()
    for part in ("--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"):
        assert part in command
    assert command[position(command, "--cap-drop") + 1] == "ALL"
    assert "--share-net" not in command


def test_what_is_written_to_is_in_memory_and_the_rest_is_closed_last():
    command = options(writable(Path("/h"), PLACE))
    closed = position(command, "--remount-ro", "/")
    assert position(command, "--tmpfs", "/tmp") < closed
    assert position(command, "--bind", "/h", "/work") < closed
    assert command[closed + 2 : closed + 4] == ["--chdir", "/work"]


def test_the_interpreter_comes_last_with_its_arguments():
    assert options()[-2:] == ["-c", "1"]


def test_a_device_is_shown_where_it_is():
    command = options(devices=[Path("/dev/nvidia0")])
    at = position(command, "--dev-bind", "/dev/nvidia0", "/dev/nvidia0")
    assert position(command, "--dev", "/dev") < at < position(command, "--remount-ro", "/dev")


def test_no_kernel_takes_the_server_for_a_parent_that_has_died():
    command = options()
    assert command[position(command, "--setenv", "JPY_PARENT_PID") + 2] == "1"


def program(folder: Path, text: str) -> None:
    file = folder / "bwrap"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "bubblewrap is not installed; install it with `apt-get install bubblewrap`."),
        ("echo works", None),
        (
            "echo no >&2; echo 'bwrap: No permissions' >&2; exit 1",
            "does not work here (bwrap: No permissions); it needs",
        ),
        ("exit 1", "does not work here (no message)"),
        ("echo something else", "does not work here (no message)"),
    ],
)
def test_why_there_is_no_sandbox_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, said: str | None
):
    monkeypatch.setenv("PATH", str(tmp_path))
    if text is not None:
        program(tmp_path, text)
    found = sandbox_available.__wrapped__()
    assert found == said or (said is not None and found is not None and said in found)
