"""Whether a run's links find its notebook after that was renamed, moved or duplicated, as a person does it in Lab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

from playwright.sync_api import Browser, Page

from .browser import opened, start
from .figures import Figure
from .serving import Lab

_TRIES = 25
"""On a server with collaboration, and as many on one without; three of five while the run goes on."""
_SETTLE_MS = 200
"""No person is faster between a rename and a click."""
Change = Literal["rename", "move", "duplicate"]
_CHANGES: tuple[Change, ...] = ("rename", "move", "duplicate")

_CHANGE = """async ([change, path, to]) => {
  // Where Lab's own commands leave it: a copy stands beside the notebook, under another name.
  const { contents } = jupyterapp.serviceManager;
  if (change === 'duplicate') {
    const copy = await contents.copy(path, path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    await jupyterapp.commands.execute('docmanager:open', { path: copy.path });
  } else {
    await contents.rename(path, to);
  }
}"""
_CLICK = """async () => {
  await jupyterapp.commands.execute('interp-bench:go-to-running-cell');
  const shown = jupyterapp.shell.currentWidget;
  const active = shown?.content?.activeCell?.model;
  return {
    path: shown?.context?.path?.replace(/^RTC:/, '') ?? null,
    run: active?.getMetadata('interp_bench')?.run ?? null,
    // The shared document asks on a slow machine whether to wait for it.
    dialogs: [...document.querySelectorAll('.jp-Dialog:not([aria-label^="Loading"])')].map(shown => shown.innerText)
  };
}"""
_CLOSE = """async () => {
  const documents = [...jupyterapp.shell.widgets('main')].filter(({ context }) => context);
  // Lab asks about what is not saved yet. The server saves a shared document within two seconds of a change, and each
  // one changes as it is opened: its kernel tells its language.
  const saved = ({ model, save }) => model.collaborative
    ? new Promise(resolve => model.stateChanged.connect(resolve))
    : save().catch(() => null);
  await Promise.all(documents.map(async widget => {
    const { context } = widget;
    while (context.model.dirty) {
      await saved({ model: context.model, save: () => context.save() });
    }
    widget.close();
  }));
  await jupyterapp.commands.execute('application:close-all');
}"""


@dataclass
class _Place:
    """Where the run's notebook is, by all that was done to it."""

    number: int = 0
    folder: str = ""

    @property
    def path(self) -> str:
        return f"{self.folder}linked-{self.number}.ipynb"

    def changed(self, change: Change) -> str:
        if change == "rename":
            self.number += 1
        elif change == "move":
            self.folder = "" if self.folder else "shelf/"
        return self.path


def links(browser: Browser, lab: Lab, *, collaboration: bool) -> Iterator[Figure]:
    """The figure of one server: links that led nowhere or to a copy, and what was left at old places."""
    (lab.folder / "root" / "shelf").mkdir()
    place, dead = _Place(), list[str]()
    with opened(browser, lab, lab.make_notebook(place.path)) as page:
        run, _ = start(page, "steady")
        page.wait_for_function("document.querySelectorAll('.ib-CellMark').length > 2", timeout=60_000)
        for number, change in enumerate(islice(cycle(_CHANGES), _TRIES)):
            if number == 3 * _TRIES // 5:
                lab.ended(run)
            dead += _tried(page, run, place, change, closed=number % 4 == 3)
    dead += [f"{path} is there again" for path in _left(lab, place, run)]
    missing = _missing(lab, place, run)
    name = f"dead links of {_TRIES}, {'' if collaboration else 'no '}collaboration"
    yield Figure(name=name, seen=len(dead) + missing, unit="", limit=0, detail="; ".join(dead[:3]))


def _tried(page: Page, run: str, place: _Place, change: Change, *, closed: bool) -> Iterator[str]:
    before = place.path
    page.evaluate(_CHANGE, [change, before, place.changed(change)])
    if closed:
        page.evaluate(_CLOSE)
    page.wait_for_timeout(_SETTLE_MS)
    found = page.evaluate(_CLICK)
    if (found["path"], found["run"], found["dialogs"]) != (place.path, run, []):
        yield f"{change} {before} to {place.path}: {found}"


def _left(lab: Lab, place: _Place, run: str) -> list[str]:
    """Notebooks at places that the run's has left: somebody wrote them again."""
    root = lab.folder / "root"
    former = {f"{folder}linked-{number}.ipynb" for folder in ("", "shelf/") for number in range(place.number + 1)}
    return sorted(path for path in former - {place.path} if (root / path).exists())


def _missing(lab: Lab, place: _Place, run: str) -> int:
    """Cells of the run that are not in its notebook."""
    text = (lab.folder / "root" / place.path).read_text(encoding="utf-8")
    added = [entry["event"]["cell_id"] for entry in lab.events(run) if entry["event"]["type"] == "cell_added"]
    return sum(f'"{cell}"' not in text for cell in added)
