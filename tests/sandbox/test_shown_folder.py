from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.sandbox.shown_folder import ShownFolder

PACKAGES = "lib/python3.11/site-packages"


def made(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def covered(shown: ShownFolder) -> set[str]:
    """What nothing of is seen, below the folder inside."""
    return {
        mount.target.relative_to(shown.inside).as_posix()
        for mount in shown.mounts()
        if mount.options[0] == "--tmpfs" or "/dev/null" in mount.options
    }


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "nothing"))
    return made(
        tmp_path / "venv",
        "share/jupyter/interp_bench/configs/fern.yaml",
        "share/jupyter/runtime/kernel.json",
        "share/jupyter/lab/index.html",
        "etc/jupyter/config.json",
        f"{PACKAGES}/interp_bench_ext/__init__.py",
        f"{PACKAGES}/interp_bench_ext-0.2.0.dist-info/RECORD",
        f"{PACKAGES}/interp_bench_extra/__init__.py",
        f"{PACKAGES}/numpy/__init__.py",
    )


def test_what_tells_of_this_installation_is_covered(environment: Path):
    assert covered(ShownFolder(environment, Path("/inside"))) == {
        "share/jupyter/interp_bench",
        "share/jupyter/runtime",
        "etc/jupyter",
        f"{PACKAGES}/interp_bench_ext",
        f"{PACKAGES}/interp_bench_ext-0.2.0.dist-info",
    }


def test_editable_installs_do_not_lead_to_their_source(environment: Path):
    packages = environment / PACKAGES
    for name, text in {
        "__editable__.mine.pth": "import x",
        "_mine.pth": "/home/ada/mine",
        "up.pth": "../../mine",
        "distutils.pth": "import os",
    }.items():
        (packages / name).write_text(text)
    for name, text in {
        "mine-1.dist-info": '{"url": "file:///home/ada"}',
        "hub-1.dist-info": '{"url": "https://x"}',
    }.items():
        (packages / name).mkdir()
        (packages / name / "direct_url.json").write_text(text)
    names = {Path(name).name for name in covered(ShownFolder(environment, Path("/inside")))}
    assert names >= {"__editable__.mine.pth", "_mine.pth", "up.pth", "direct_url.json"}
    assert "distutils.pth" not in names
    assert f"{PACKAGES}/hub-1.dist-info/direct_url.json" not in covered(ShownFolder(environment, Path("/inside")))


def test_only_parts_that_are_there_are_shown(environment: Path):
    shown = ShownFolder(environment, Path("/inside"), ("share", "bin"))
    binds = [mount for mount in shown.mounts() if mount.options[0] == "--ro-bind"]
    assert [mount.target for mount in binds] == [Path("/inside/share")]
    assert covered(shown) == {"share/jupyter/interp_bench", "share/jupyter/runtime"}


def test_a_folder_in_its_own_place_needs_covers_only(environment: Path):
    assert [mount for mount in ShownFolder(environment, environment).mounts() if "--ro-bind" in mount.options] == []
    assert "etc/jupyter" in covered(ShownFolder(environment, environment))


def test_where_a_path_is_in_there(environment: Path):
    shown = ShownFolder(environment, Path("/inside"), ("lib",))
    assert shown.place_of(environment / "lib" / "x.py") == Path("/inside/lib/x.py")
    assert shown.place_of(environment / "share" / "x") is None
    assert shown.place_of(Path("/elsewhere/lib")) is None
