"""Source of technique files for organisms on the plane."""

from __future__ import annotations

from pathlib import Path

_HEAD = """from __future__ import annotations
import numpy as np
from interp_bench_ext.contracts import Organism
from interp_bench_ext.results import AttentionGrid, Generations

def _said(*texts):
    none = tuple("" for _ in texts)
    return Generations(prompts=none, prefills=none, texts=tuple(texts), logprobs=np.zeros(len(texts), np.float32),
                       n_tokens=np.zeros(len(texts), np.int64), finishes=tuple("stop" for _ in texts), arm="organism")
"""

SLOW = '''
import time
def slow(organism: Organism, *, seconds: float) -> Generations:
    """Take a while, saying so.

    Access: sample
    """
    ticks = int(seconds * 10)
    for tick in range(ticks):
        organism.progress("waiting", tick, ticks)
        time.sleep(0.1)
    return _said("done")
'''

ARRAY = '''
def array(organism: Organism, *, megabytes: float) -> AttentionGrid:
    """Numbers of a given size, which take no time to make.

    Access: sample
    """
    side = 256
    heads = max(1, int(megabytes * 1e6 / (4 * side * side)))
    weights = np.arange(heads * side * side, dtype=np.float32).reshape(heads, side, side)
    tokens = tuple(str(number) for number in range(side))
    return AttentionGrid(tokens=tokens, heads=tuple(map(str, range(heads))), weights=weights, arm="organism")
'''

LOOK = '''
import os
from pathlib import Path

def look(organism: Organism, *, reversed_needles: list[str]) -> Generations:
    """Where the process's own world shows any of the texts, which are given backwards.

    Access: sample
    """
    needles = [needle[::-1].encode() for needle in reversed_needles]
    found = [name for name, value in os.environ.items() if any(n in f"{name}={value}".encode() for n in needles)]
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("environ", "cmdline"):
            try:
                content = (process / name).read_bytes()
            except OSError:
                continue
            found += [f"{process.name}/{name}" for n in needles if n in content]
    return _said(*found, str(len(list(Path("/proc").glob("[0-9]*")))))
'''

DEEP = '''
def deep(organism: Organism) -> Generations:
    """Something that only base access allows.

    Access: base
    """
    return _said("deep")
'''

_ALL = {"deep": DEEP, "slow": SLOW, "array": ARRAY, "look": LOOK}


def write(folder: Path) -> tuple[Path, ...]:
    """All of them, as files in ``folder``."""
    for name, source in _ALL.items():
        (folder / f"{name}.py").write_text(_HEAD + source)
    return tuple(folder / f"{name}.py" for name in _ALL)
