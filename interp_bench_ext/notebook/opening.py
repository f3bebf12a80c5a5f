"""The two cells that every investigation's notebook begins with."""

from __future__ import annotations

from collections.abc import Sequence

from .backend import NotebookCell

SETUP = "import interp_bench_ext\n\norganism = interp_bench_ext.connect()"
SETUP_BY_HAND = f"{SETUP}\n%load_ext interp_bench_ext"
"""For a person, whose lines are magics."""


def intro(*, run: str, task: str, by_hand: bool = False) -> str:
    """Markdown that says what the notebook is and how to run it again."""
    author = "a person's, who investigated by hand" if by_hand else "an agent's"
    return f"""# Investigation {run}

> {task.replace(chr(10), chr(10) + "> ")}

`organism` below is a language model in a process of its own, loaded once. To run this notebook again from top to
bottom, on a fresh organism and in a sandbox:

```
interp-bench rerun {run}
```

The kernel ends with the investigation, and with it all variables, whatever its code has started, and its access to
the organism. Inside of a Jupyter server the notebook then has a fresh kernel behind the same veil.

The code below is {author}. *Run All Cells* in a kernel of your own would run it with all that you may do.
"""


def opening_cells(*, run: str, task: str, by_hand: bool = False) -> tuple[NotebookCell, NotebookCell]:
    """The two cells as they are before the second one has run."""
    mark = {"run": run, "status": None}
    return (
        NotebookCell(cell_id="intro", kind="markdown", source=intro(run=run, task=task, by_hand=by_hand), mark=mark),
        NotebookCell(cell_id="setup", kind="code", source=SETUP_BY_HAND if by_hand else SETUP, mark=mark),
    )


def opening_ids(added: Sequence[str], *, taken: set[str], run: str) -> tuple[str, str]:
    """Ids of the two cells, ``intro`` and ``setup`` unless an earlier run in this notebook has those.

    Args:
        added: Ids of the cells that the run has added already, in order.
        taken: Ids of all cells in the notebook.
        run: Id of the run.
    """
    fresh = [name if name not in taken else f"{name}-{run}" for name in ("intro", "setup")]
    intro_id, setup_id = [*added[:2], *fresh[len(added[:2]) :]]
    return intro_id, setup_id
