from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from interp_bench_ext.organisms.places.modal.bundle import PACKAGE, RUN_THERE

IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import interp_bench_ext.host as host
names = [f"interp_bench_ext.host.{entry.name}" for entry in pkgutil.iter_modules(host.__path__)]
for name in [*names, "interp_bench_ext.organisms.places.modal.service", "interp_bench_ext.organisms.process"]:
    assert importlib.import_module(name).__file__.startswith(sys.argv[1]), name
from interp_bench_ext.results import result_types
assert result_types()
"""


def test_a_container_has_every_module_that_runs_there(tmp_path: Path):
    for pattern in RUN_THERE:
        for file in PACKAGE.glob(pattern):
            there = tmp_path / PACKAGE.name / file.relative_to(PACKAGE)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, there)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
