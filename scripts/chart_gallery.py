"""A page with the chart of every result type, light and dark: ``python scripts/chart_gallery.py gallery.html``."""

from __future__ import annotations

import html
import json
import sys
from pathlib import Path

import vl_convert

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.results.samples import all_samples  # noqa: E402

THEMES = {"light": ("#ffffff", "#202124"), "dark": ("#111111", "#e0e0e0")}


def main() -> None:
    pieces = []
    for result in all_samples():
        if not result._charted():
            continue
        drawing = vl_convert.vegalite_to_svg(json.dumps(result.plot().to_dict()), vl_version="v5.20")
        sides = "".join(
            f'<div style="background:{back};color:{ink};padding:16px;overflow:auto">{drawing}</div>'
            for back, ink in THEMES.values()
        )
        name = html.escape(type(result).__name__)
        pieces.append(f'<h2>{name}</h2><div style="display:grid;grid-template-columns:1fr 1fr">{sides}</div>')
    Path(sys.argv[1]).write_text(
        f'<meta charset="utf-8"><body style="font-family:sans-serif">{"".join(pieces)}', "utf-8"
    )


if __name__ == "__main__":
    main()
