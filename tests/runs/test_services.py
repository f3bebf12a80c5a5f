from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.models.key import Key
from interp_bench_ext.runs import Services

KEY = Key(api_key="sk-test")


def test_one_composition_serves_every_run(tmp_path: Path):
    async def main() -> None:
        services = Services.open(journal=tmp_path / "journal.sqlite", key=KEY)
        one, other = services.environment("fern"), services.environment("moss", attended=True)
        assert one.journal is other.journal is services.journal
        assert (one.key, one.attended, other.attended) == (KEY, False, True)
        await services.close()
        with pytest.raises(sqlite3.ProgrammingError):
            services.journal.runs()

    asyncio.run(main())


def test_a_journal_that_cannot_be_opened_is_one_sentence(tmp_path: Path):
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(BadInput, match="the journal .* cannot be opened"):
        Services.open(journal=tmp_path / "journal.sqlite")


@pytest.mark.parametrize("fails", [False, True])
def test_organisms_are_closed_when_the_work_is_done_or_cut_off(tmp_path: Path, fails: bool):
    async def work() -> int:
        if fails:
            raise ValueError
        return 7

    async def main() -> None:
        services = Services.open(journal=tmp_path / "journal.sqlite")
        result = await asyncio.gather(services.carry(work()), return_exceptions=True)
        assert result == [7] if not fails else isinstance(result[0], ValueError)
        assert services.journal.runs() == [], "the journal is open still"
        await services.close()

    asyncio.run(main())
