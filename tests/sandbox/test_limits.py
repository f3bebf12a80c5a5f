from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from interp_bench_ext.sandbox.limits import limited, memory_mb

TELL = """
import resource
print(*(resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)))
"""


def told(program: str, *, data_mb: int, file_bytes: int | None = None) -> str:
    command = limited([sys.executable, "-c", program], data_mb=data_mb, file_bytes=file_bytes)
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_the_limits_are_those_of_the_command() -> None:
    assert told(TELL, data_mb=700, file_bytes=2**20) == f"{700 * 2**20} {2**20} 0"
    assert told(TELL, data_mb=0).startswith("-1 -1")


def test_what_takes_more_is_told_so() -> None:
    program = "try: bytearray(2**29)\nexcept MemoryError: print('refused')\nelse: print('given')"
    assert told(program, data_mb=256) == "refused"
    assert told(program, data_mb=1024) == "given"


def test_the_memory_is_at_most_the_machine_s() -> None:
    total_kb = int(Path("/proc/meminfo").read_text().split()[1])
    assert 0 < memory_mb() <= total_kb // 1024
