"""The parts of `agent_loop.py`: a Messages server that keeps account, a run's environment, the figures."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The loopback server and the tiny model are those of the tests.
sys.path[:0] = [str(ROOT)]
