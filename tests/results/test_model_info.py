from __future__ import annotations

from . import samples


def test_numbers_read_as_people_write_them():
    info = samples.info()
    assert repr(info) == "<ModelInfo: 30 layers of width 576, 135 M parameters>"
    assert "attention heads  9 (key/value 3)" in str(info)
    assert dict(zip(info.table()["property"], info.table()["value"], strict=True))["vocabulary"] == "49,152 tokens"
