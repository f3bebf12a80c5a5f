"""The parts of `lab_latency.py`: a Lab with a scripted agent, a browser that stamps what appears, the figures."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The scripted agent, the tiny model and the way Lab is started are those of the tests.
sys.path[:0] = [str(ROOT), str(ROOT / "ui-tests")]
