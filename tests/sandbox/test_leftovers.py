from __future__ import annotations

import os
import subprocess
import sys

from interp_bench_ext.sandbox.leftovers import end_holders

WAITS = [sys.executable, "-S", "-c", "print(flush=True); import time; time.sleep(60)"]


def started(**variables: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(WAITS, env=variables, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_who_holds_the_variable_is_ended_and_nobody_else(monkeypatch):
    value = f"test-{os.getpid()}"
    monkeypatch.setenv("HELD_BY", value)
    holder, other, without = started(HELD_BY=value), started(HELD_BY=f"{value}0"), started()
    try:
        end_holders("HELD_BY", value)
        assert holder.wait(timeout=10) != 0
        assert (other.poll(), without.poll()) == (None, None)
    finally:
        for process in (holder, other, without):
            process.kill()
            process.communicate()
