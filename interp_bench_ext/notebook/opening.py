"""The two cells that every investigation's notebook begins with."""

from __future__ import annotations

INTRO_ID = "intro"
SETUP_ID = "setup"

SETUP = "import interp_bench_ext\n\norganism = interp_bench_ext.connect()"


def intro(*, run: str, task: str) -> str:
    """Markdown that says what the notebook is and how to run it again."""
    return f"""# Investigation {run}

> {task.replace(chr(10), chr(10) + "> ")}

`organism` below is a language model in a process of its own, loaded once. To run this notebook again from top to
bottom, start a fresh organism from the config of this run (`interp-bench show {run}` names it) and run all cells:

```
interp-bench serve CONFIG
```
"""
