"""Reports as a browser takes them apart."""

from __future__ import annotations

from html.parser import HTMLParser

from interp_bench_ext.record.scores import Comparison
from interp_bench_ext.report import render_report

from . import sample_run
from .sample_run import Recorder


class Page(HTMLParser):
    """What a browser would find: elements, attributes, visible text; unbalanced pages fail."""

    VOID = frozenset({"meta", "img", "br", "hr", "col"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(rows: sample_run.Rows, comparison: Comparison | None = None) -> Page:
    return Page(render_report(events=rows, title="A run", comparison=comparison))


def page_with(*outputs: dict, source: str = "1") -> Page:
    run = Recorder()
    run.begin()
    run.cell("c1", source, *outputs)
    return page_of(run.rows)
