"""What an agent writes when it plots by itself shows as a picture, without a word beside it."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from interp_bench_ext.contracts import Veil

from .support import BOTH_VEILS, open_session

CONNECT = "import interp_bench_ext\ntry:\n    interp_bench_ext.connect()\nexcept Exception:\n    pass"
PLOTS = {
    "matplotlib": "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.ylabel('shown')",
    "pandas": "import pandas as pd\nframe = pd.DataFrame({'x': [1, 2, 3], 'y': [3, 1, 2]})\nframe.plot()",
    "altair": "import altair as alt\nalt.Chart(frame).mark_line().encode(x='x', y='y')",
    "layered": "line = alt.Chart(frame).mark_line().encode(x='x', y='y')\ndisplay(line + line.mark_point())",
}


@pytest.mark.parametrize("veil", BOTH_VEILS)
def test_a_plot_of_the_agents_own_is_a_picture(tmp_path: Path, veil: Veil) -> None:
    async def main() -> dict[str, list[dict[str, Any]]]:
        async with open_session(tmp_path / "n.ipynb", veil=veil) as (session, _):
            await session.run_cell(await session.add_code(CONNECT), timeout_s=60)
            shown = {}
            for name, code in PLOTS.items():
                cell = await session.add_code(code)
                assert (await session.run_cell(cell, timeout_s=120)).status == "ok", session.outputs(cell)
                shown[name] = [dict(output) for output in session.outputs(cell)]
            return shown

    shown = asyncio.run(main())
    for name, outputs in shown.items():
        assert [output for output in outputs if output["output_type"] in ("stream", "error")] == [], name
        [picture] = [output["data"]["image/png"] for output in outputs if "image/png" in output["data"]]
        with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
            assert image.width > 200, name
        assert "text/html" not in outputs[-1]["data"], name
