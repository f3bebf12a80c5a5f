"""Runs a few lines of Python in a sandbox, as a kernel would see it, without the time that a kernel takes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from interp_bench_ext.sandbox.bubblewrap import bwrap_command
from interp_bench_ext.sandbox.mounts import Mount
from interp_bench_ext.sandbox.package import kernel_package


def seen_inside(program: str, mounts: Iterable[Mount] = ()) -> Any:
    """What ``program`` prints as JSON."""
    command = bwrap_command([*kernel_package(), *mounts], cwd=Path("/tmp"), arguments=["-c", program])
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
