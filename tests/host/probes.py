"""Source of technique files that tests write into a folder and have served."""

from __future__ import annotations

from pathlib import Path

_HEAD = """from __future__ import annotations
import numpy as np
from interp_bench_ext.contracts import Organism, Row
from interp_bench_ext.results import Generations

def _said(*texts):
    none = tuple("" for _ in texts)
    return Generations(prompts=none, prefills=none, texts=tuple(texts), logprobs=np.zeros(len(texts), np.float32),
                       n_tokens=np.zeros(len(texts), np.int64), finishes=tuple("stop" for _ in texts), arm="organism")
"""

ECHO = '''
def echo(organism: Organism, *, text: str, times: int = 1) -> Generations:
    """Say it again.

    Access: sample
    Args:
        text: What to say,
            over two lines.
        times: How often.
    """
    return _said(*[text] * times)
'''

ENDLESS = '''
def endless(organism: Organism, *, started: str = "", alone: bool = False) -> Generations:
    """Work until somebody stops it; alone, with nobody else's rows.

    Access: sample
    """
    while True:
        if alone:
            organism.progress("alone", 0, 1)
        else:
            organism.generate([Row((5, 6, 7))], n=1, max_new_tokens=40)
'''

LARGE = '''
import torch
def large(organism: Organism, *, kind: str) -> Generations:
    """Ask for more memory than there is.

    Access: sample
    """
    if kind == "torch":
        torch.empty(1 << 60)
    raise MemoryError
'''

BROKEN = '''
def broken(organism: Organism, *, wrong_type: bool = False) -> Generations:
    """Fail.

    Access: sample
    """
    if wrong_type:
        return 7
    raise ZeroDivisionError("no")
'''

PEEK = '''
def peek(organism: Organism) -> Generations:
    """Needs more than sampling.

    Access: activations
    """
    return _said("seen")
'''

SNOOP = '''
import gc, os, sys
from pathlib import Path
import torch

def _runs(values, wanted):
    n = len(wanted)
    return any(list(values[i : i + n]) == wanted for i in range(len(values) - n + 1))

def snoop(organism: Organism, *, reversed_needles: list[str], shifted_ids: list[int]) -> Generations:
    """Look for texts (given backwards) and ids (given plus one) everywhere that Python can look."""
    needles = [needle[::-1] for needle in reversed_needles]
    wanted = [token - 1 for token in shifted_ids]
    own = {id(needle) for needle in needles} | {id(wanted)}
    found = []
    for thing in gc.get_objects():
        for part in (thing, *gc.get_referents(thing)):
            if id(part) in own:
                continue
            if isinstance(part, (str, bytes, bytearray)):
                text = part if isinstance(part, str) else bytes(part).decode("utf-8", "replace")
                found += [f"text {needle[::-1]}" for needle in needles if needle in text]
            elif isinstance(part, (list, tuple)) and len(part) >= len(wanted) and all(type(x) is int for x in part):
                found += ["ids"] if _runs(part, wanted) else []
            elif isinstance(part, torch.Tensor) and part.dtype == torch.int64 and part.numel() >= len(wanted):
                found += ["tensor"] if _runs(part.flatten().tolist(), wanted) else []
    seen = [Path("/proc/self/cmdline").read_bytes(), Path("/proc/self/environ").read_bytes(), repr(sys.argv).encode(),
            repr(dict(os.environ)).encode()]
    found += [f"process {needle[::-1]}" for needle in needles for part in seen if needle.encode() in part]
    print("a technique's own print", flush=True)
    return _said(*sorted(set(found)))
'''

MEMORY = '''
from pathlib import Path

def memory(organism: Organism, *, reversed_middle: str) -> Generations:
    """What stands before and after each copy of a text in all of the process's memory.

    Access: sample
    """
    middle = reversed_middle[::-1].encode()
    found = []
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in Path("/proc/self/maps").read_text().splitlines():
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            try:
                memory.seek(start)
                data = memory.read(end - start) if "r" in line.split()[1] else b""
            except (OSError, OverflowError, ValueError):
                continue
            at = data.find(middle)
            while at >= 0:
                found.append(repr((data[at - 1 : at], data[at + len(middle) : at + len(middle) + 1])))
                at = data.find(middle, at + 1)
    return _said(*found)
'''

OUTSIDE = '''
import socket
from pathlib import Path

def outside(organism: Organism, *, path: str) -> Generations:
    """Look at what is outside of the organism's own process.

    Access: sample
    """
    try:
        socket.create_connection(("1.1.1.1", 53), timeout=2).close()
        network = True
    except OSError:
        network = False
    processes = sum(name.name.isdigit() for name in Path("/proc").iterdir())
    return _said(f"path {Path(path).exists()}", f"network {network}", f"processes {processes}")
'''

_ALL = {
    "outside": OUTSIDE,
    "memory": MEMORY,
    "echo": ECHO,
    "endless": ENDLESS,
    "large": LARGE,
    "broken": BROKEN,
    "peek": PEEK,
    "snoop": SNOOP,
}


def write_probes(folder: Path, *names: str) -> tuple[Path, ...]:
    for name in names:
        (folder / f"{name}.py").write_text(_HEAD + _ALL[name])
    return tuple(folder / f"{name}.py" for name in names)
