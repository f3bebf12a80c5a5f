from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from interp_bench_ext.organisms.places.modal.token import forget_token, take_token, taken_token, token_is_there


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Modal's own file, which is not there yet; no token is in the environment."""
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(tmp_path / "modal.toml"))
    forget_token()
    yield tmp_path / "modal.toml"
    forget_token()


def test_without_a_file_or_variables_there_is_none():
    assert not token_is_there()
    assert (take_token(), taken_token()) == (False, [])


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ('[ada]\ntoken_id = "ak-1"\ntoken_secret = "as-1"\n', True),
        ("[ada]\nactive = true\n", False),
        ("token_id = 'ak'\n", False),
        ("", False),
        ("[ada\n", True),
    ],
)
def test_a_file_tells_and_a_broken_one_is_for_modal_to_complain_of(file: Path, text: str, there: bool):
    file.write_text(text, encoding="utf-8")
    assert token_is_there() is there


def test_a_token_is_taken_out_of_what_children_inherit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-1")
    assert not token_is_there(), "half a token is none"
    assert not take_token()
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-1")
    assert token_is_there()
    assert take_token()
    assert "MODAL_TOKEN_ID" not in os.environ
    assert "MODAL_TOKEN_SECRET" not in os.environ
    assert (token_is_there(), taken_token(), take_token()) == (True, ["ak-1", "as-1"], False)
    forget_token()
    assert not token_is_there()
