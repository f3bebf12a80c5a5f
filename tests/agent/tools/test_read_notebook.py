from __future__ import annotations

import json

from tests.agent.desk import at_desk
from tests.redteam.suite import attempt

from .test_rendering import PIXEL

CHART = "application/vnd.vegalite.v5+json"


def shown(cell_id: str, data: dict) -> dict:
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    return {
        "id": cell_id,
        "cell_type": "code",
        "source": "1",
        "metadata": {},
        "outputs": [output],
        "execution_count": 1,
    }


@attempt("F1r", "browser", "read_notebook hands over a picture that a browser has put beside a chart", veil="any")
def test_what_a_browser_has_written_is_not_read(tmp_path):
    async def scenario(desk):
        await desk.call("run_cell", code="print('recorded')")
        path = desk.folder / "n.ipynb"
        notebook = json.loads(path.read_text())
        drawn = {CHART: {"data": {"url": "/files/config.yaml"}}, "image/png": PIXEL}
        notebook["cells"][-1]["outputs"] = shown("", drawn)["outputs"]
        notebook["cells"] += [shown("theirs", drawn), shown("picture", {"image/png": PIXEL})]
        path.write_text(json.dumps(notebook))
        await desk.notebook.refresh()
        kinds = {}
        for cell_id in ("c1", "theirs", "picture"):
            [result] = await desk.reply(("read_notebook", {"cell_ids": [cell_id]}))
            kinds[cell_id] = {block["type"] for block in result.content}
            assert ("recorded" in str(result.content)) == (cell_id == "c1")
        assert kinds == {"c1": {"text"}, "theirs": {"text"}, "picture": {"text", "image"}}

    at_desk(tmp_path, scenario)
