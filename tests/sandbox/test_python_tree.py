from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.sandbox.package import PACKAGE
from interp_bench_ext.sandbox.shown_folder import ShownFolder
from tests.notebook.support import needs_sandbox

from .inside import seen_inside

pytestmark = needs_sandbox
SYSTEM_PYTHON = Path("/usr/bin/python3")

SHOWN = """
import json, os, sys
import interp_bench_ext.errors
try:
    import planted
except ImportError:
    planted = None
told = [*sys.argv, *sys.path, sys.prefix, sys.base_prefix, sys.executable, *os.environ.values(), os.getcwd()]
print(json.dumps({"prefix": sys.prefix, "version": sys.version, "told": told, "planted": bool(planted)}))
"""
START = f"""
import pathlib, subprocess, sys
from interp_bench_ext.sandbox.bubblewrap import bwrap_command
from interp_bench_ext.sandbox.package import kernel_package
command = bwrap_command(kernel_package(), cwd=pathlib.Path("/tmp"), arguments=["-c", {SHOWN!r}])
sys.exit(subprocess.run(command, env={{}}).returncode)
"""


def started(python: Path, **environment: str) -> Any:
    """What a sandbox shows that is started by ``python``, which borrows this Python's packages for that."""
    packages = [str(PACKAGE.parent), *(path for path in sys.path if path.endswith("site-packages"))]
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(packages), **environment}
    done = subprocess.run([python, "-c", START], capture_output=True, text=True, env=given, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def environment(folder: Path, *options: str, python: Path) -> Path:
    subprocess.run([python, "-m", "venv", "--without-pip", *options, folder], check=True, timeout=60)
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "planted.py").write_text("")
    return folder / "bin" / "python"


def of_this(folder: Path) -> Path:
    return environment(folder / "of this", python=Path(sys.executable))


def of_the_system(folder: Path) -> Path:
    return environment(folder / "of the system", python=SYSTEM_PYTHON)


def with_the_system_s_packages(folder: Path) -> Path:
    return environment(folder / "both", "--system-site-packages", python=SYSTEM_PYTHON)


def through_links(folder: Path) -> Path:
    real = environment(folder / "real", python=Path(sys.executable))
    (folder / "link").symlink_to(folder / "real")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(folder / "link" / "bin" / "python")
    assert (folder / "bin" / "python").resolve() == real.resolve()
    return folder / "link" / "bin" / "python"


@pytest.mark.parametrize("make", [of_this, of_the_system, with_the_system_s_packages, through_links])
def test_an_environment_is_shown_without_its_place(make: Callable[[Path], Path], tmp_path: Path) -> None:
    if "system" in make.__name__ and same_python(SYSTEM_PYTHON) is False:
        pytest.skip("the system's Python is another version")
    seen = started(make(tmp_path))
    assert seen["planted"]
    assert seen["prefix"] == "/packages"
    assert [told for told in seen["told"] if str(tmp_path) in told or str(PACKAGE.parent) in told] == []


@pytest.mark.parametrize("python", [Path(sys._base_executable), SYSTEM_PYTHON])
def test_a_python_without_an_environment_has_its_user_s_packages(python: Path, tmp_path: Path) -> None:
    if not same_python(python):
        pytest.skip("the system's Python is another version")
    packages = tmp_path / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "planted.py").write_text("")
    seen = started(python, PYTHONUSERBASE=str(tmp_path))
    assert seen["planted"]
    assert seen["prefix"] in ("/python", "/usr")
    assert [told for told in seen["told"] if str(tmp_path) in told or str(Path.home()) in told] == []


def same_python(python: Path) -> bool:
    told = subprocess.run([python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True)
    return told.stdout.strip() == str(sys.version_info[:2])


TREE = """
import json, pathlib
found = {}
for path in pathlib.Path("/shown").rglob("*"):
    try:
        found[str(path)] = path.read_text() if path.is_file() else ""
    except OSError:
        found[str(path)] = ""
print(json.dumps(found))
"""


@pytest.mark.parametrize("packages", ["lib/python3.11/site-packages", "lib64/python3.12/dist-packages"])
def test_what_tells_of_this_installation_is_covered(packages: str, tmp_path: Path) -> None:
    hidden = [
        "interp_bench_ext/host/modal/published.json",
        "interp_bench_ext-0.2.0.dist-info/RECORD",
        "interp_bench_ext.egg-link",
        "_editable_impl_interp_bench_ext.pth",
        "__editable___interp_bench_ext_finder.py",
        "theirs-1.dist-info/direct_url.json",
        "theirs.pth",
    ]
    shown = ["numpy/__init__.py", "numpy-2.dist-info/RECORD", "precedence.pth", "wheel-1.dist-info/direct_url.json"]
    hidden = [f"{packages}/{name}" for name in hidden]
    shown = [f"{packages}/{name}" for name in shown] + ["share/fonts/one.ttf"]
    hidden += ["share/jupyter/interp_bench/configs/cobalt.yaml", "share/jupyter/runtime/jpserver-1.json"]
    for name in [*hidden, *shown, "configs/beside.yaml"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("import something" if name in shown else "/file://MARK")
    folder = ShownFolder(tmp_path, Path("/shown"), ("lib", "lib64", "share"))
    found = seen_inside(TREE, folder.mounts())
    assert {name for name, text in found.items() if text} == {f"/shown/{name}" for name in shown}
    assert "MARK" not in json.dumps(found)
    assert sum("MARK" in path.read_text() for path in tmp_path.rglob("*") if path.is_file()) == len(hidden) + 1
