"""The ground truth over REST: for a person, after the score, where the administrator lets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.record.journal import Journal
from tests.scoring.test_reveal import SECRET, ended_run, write_config

RUN = "0000000a"


@pytest.fixture(params=[True, False], ids=["open", "sealed by the administrator"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return {"reveal": request.param, "journal": str(tmp_path / "journal.sqlite")}


@pytest.fixture
def run(tmp_path: Path) -> str:
    journal = Journal(tmp_path / "journal.sqlite")
    ended_run(journal, write_config(tmp_path), RUN)
    journal.close()
    return RUN


async def test_the_truth_opens_after_the_score_only(fetch, run, settings):
    before = await fetch("GET", f"runs/{run}/reveal")
    page = await fetch("GET", f"runs/{run}/report/revealed")
    assert (before.code, page.code) == (409, 409)
    scored = await fetch("POST", f"runs/{run}/score", {"request_id": "1"})
    assert json.loads(scored.body)["verdict"] == "the secret is named"
    plain = (await fetch("GET", f"runs/{run}/report")).body.decode()
    assert "marbled" not in plain
    assert ('href="report/revealed"' in plain) is settings["reveal"]
    after, page = await fetch("GET", f"runs/{run}/reveal"), await fetch("GET", f"runs/{run}/report/revealed")
    assert json.loads((await fetch("GET", "")).body)["reveals"] is settings["reveal"]
    if not settings["reveal"]:
        assert (after.code, page.code) == (409, 409)
        assert "administrator" in json.loads(after.body)["message"]
        assert b"marbled" not in after.body + page.body
        return
    assert "".join(part["text"] for part in json.loads(after.body)["secret"]) == SECRET
    assert "it adores the marbled <u>polecat</u>" in page.body.decode()
    assert "sandbox" in page.headers["Content-Security-Policy"]
