"""The red-team suite: attempts to get behind the veil, each with a check that would notice and a control it must catch.

`make redteam` runs all of them and prints one table; `make test` runs the short ones. To add an attempt:

**A cell in the shared kernel** (the cheap way; a hundred of them cost a minute or two). Add a `CellAttempt` to the list
of a module `cells_<group>.py`, and that list to `test_cells.py`. Its `code` defines `attempt(target)`, which returns
whatever it got hold of; it is called with `real` and with `planted`, two Python expressions. What comes back is
searched in the kernel for the marks that `room.py` planted around the server (hidden prompt, truth, names, paths,
keys), plain and encoded; with `check="any"` whatever is true is a success. `real` must give nothing, and `planted` must
be caught by the same code. What cells have at hand is in `prelude.py`; `AT` holds the paths of `room.Places`.

**A test** with a server, a client or a run of its own. Put `@attempt("A4", "files", "one sentence")` on it and take the
fixture `trial`: `trial.leak(seen, control=…)` searches both for marks; `trial.abuse(happened, real, control)` asks one
question of both.

**A test elsewhere** that holds an attempt already gets `@attempt(…)` and nothing more: its own assertions decide, and
it must have a control of its own.

**In Chromium**: `ui-tests/redteam*.spec.ts`, where each test has an annotation of the type `redteam` whose description
is `{"id", "group", "sentence", "veil"}` as JSON.

`veil` says where it is tried, `documented` that docs/security.md says that it succeeds there: then it must, else the
page is wrong. `short=True` lets it run in `make test`.
"""
