from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import BadInput
from interp_bench_ext.models.prices import Price
from interp_bench_ext.user_tables import load_table

OWN = '{"mine": {"input": 1, "output": 2, "cache_read": 0, "cache_write": 0}}'


def load(user_file: Path | None = None) -> dict[str, Price]:
    return load_table(
        Price, package="interp_bench_ext.models", file="prices.json", what="prices", form="give numbers",
        user_file=user_file,
    )  # fmt: skip


def test_a_users_entries_stand_over_the_shipped_ones(tmp_path: Path):
    own = tmp_path / "own.json"
    own.write_text(OWN)
    assert load(own) == load(tmp_path / "missing.json") | {
        "mine": Price(input=1, output=2, cache_read=0, cache_write=0)
    }
    assert "mine" not in load(tmp_path / "missing.json")


def test_the_configuration_folder_is_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "interp_bench").mkdir()
    (tmp_path / "interp_bench" / "prices.json").write_text(OWN)
    assert "mine" in load()


@pytest.mark.parametrize(("text", "says"), [("[]", "not a table of prices"), ('{"a": {"input": 1}}', "a.output")])
def test_a_wrong_file_says_what_is_wrong_and_how_it_should_be(tmp_path: Path, text: str, says: str):
    own = tmp_path / "own.json"
    own.write_text(text)
    with pytest.raises(BadInput) as caught:
        load(own)
    assert says in str(caught.value)
    assert str(caught.value).endswith("; give numbers")
