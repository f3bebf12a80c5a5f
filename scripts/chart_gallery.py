"""Draw the plot of every result type, light and dark, and write docs/gallery.md around the pictures."""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from pathlib import Path

import vl_convert

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from interp_bench_ext.results import Result, result_types  # noqa: E402
from interp_bench_ext.results.kit.charts import INK  # noqa: E402
from tests.results.samples import all_samples  # noqa: E402

THEMES = {"light": ("#ffffff", "#202124"), "dark": ("#111111", "#e0e0e0")}
"""Background and text of JupyterLab's two themes, from which a chart takes its ink."""
PAGE, PICTURES = ROOT / "docs" / "gallery.md", ROOT / "docs" / "images" / "gallery"
_HEAD = """\
# Every plot

What each result type draws, in JupyterLab's light and dark theme, from made-up data (`make docs-gallery` draws it
again). In a notebook a plot has its values on hover and its table one click below; `.plot()` gives the Altair chart,
`.table()` the numbers. Blue is what was asked about; orange is its control, or what points the other way.
"""


def drawn(result: Result, theme: str) -> bytes:
    """Its plot as PNG, on the theme's background in the theme's ink."""
    background, ink = THEMES[theme]
    spec = json.dumps({**result.plot().to_dict(), "background": background, "padding": 12}).replace(INK, ink)
    picture: bytes = vl_convert.vegalite_to_png(spec, vl_version="v5.20", scale=1)
    return picture


def given_by() -> dict[str, list[str]]:
    """The techniques that give each result type, by what their functions say that they return."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted((ROOT / "techniques").glob("[!_]*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == file.stem and node.returns is not None:
                found[ast.unparse(node.returns)].append(file.stem)
    return found


def samples() -> dict[str, Result]:
    """One of each result type that has a plot, by its name."""
    return {type(result).__name__: result for result in all_samples() if result._charted()}


def section(name: str, techniques: list[str]) -> str:
    """A plot's part of the page."""
    summary = (result_types()[name].__doc__ or "").partition("\n")[0]
    links = ", ".join(f"[`{technique}`](techniques/{technique}.md)" for technique in techniques)
    pictures = " | ".join(f"![{name}, {theme}](images/gallery/{name}-{theme}.png)" for theme in THEMES)
    return (
        f"## {name}\n\n{summary}{f' From {links}.' if links else ''}\n\n| light | dark |\n|---|---|\n| {pictures} |\n"
    )


def main() -> None:
    """Write pictures and page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    techniques = given_by()
    for name, result in samples().items():
        for theme in THEMES:
            (PICTURES / f"{name}-{theme}.png").write_bytes(drawn(result, theme))
    sections = [section(name, techniques[name]) for name in sorted(samples())]
    PAGE.write_text("\n".join([_HEAD, *sections]), "utf-8")


if __name__ == "__main__":
    main()
