from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from interp_bench_ext import yaml_source
from interp_bench_ext.errors import ConfigError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner | None = None
    tags: list[int] = []


def complaint(folder: Path, text: str) -> str:
    file = folder / "a.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        yaml_source.load(file, Outer)
    return str(caught.value).replace(str(file), "FILE")


def test_a_good_file_is_plain_python(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text("name: 'x'\ninner: {size: 3}\ntags: [1, 2]\n", encoding="utf-8")
    made = yaml_source.load(file, Outer)
    assert made == Outer(name="x", inner=Inner(size=3), tags=[1, 2])
    assert type(made.name) is str


def test_each_problem_says_where_it_is(tmp_path: Path):
    assert complaint(tmp_path, "name: x\ninner:\n  size: many\n").startswith("FILE:3:3: `inner.size`: input should be")
    assert complaint(tmp_path, "name: x\ntags: [1, no]\n").startswith("FILE:2:11: `tags.1`: input should be")


def test_an_unknown_key_comes_before_the_one_that_it_was_meant_for(tmp_path: Path):
    first, second = complaint(tmp_path, "nmae: x\n").splitlines()
    assert first == "FILE:1:1: unknown key `nmae`; did you mean `name`?"
    assert second == "FILE:1:1: the key `name` is missing; add it"
    assert "did you mean `size`?" in complaint(tmp_path, "name: x\ninner: {sise: 1}\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n", "a mapping of keys is expected, such as `name: …`"),
        ("", "a mapping of keys is expected"),
        ("name: [\n", "this is not valid YAML"),
        ("name: x\nname: y\n", "this is not valid YAML"),
    ],
)
def test_what_is_no_mapping_is_one_sentence(tmp_path: Path, text: str, says: str):
    assert says in complaint(tmp_path, text)


def test_what_is_no_text_is_one_sentence(tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    for path, says in ((tmp_path / "a.yaml", "not a text file"), (tmp_path, "this is a folder")):
        with pytest.raises(ConfigError, match=says):
            yaml_source.load(path, Outer)
    with pytest.raises(ConfigError, match=r"no such file; did you mean .*a\.yaml"):
        yaml_source.load(tmp_path / "b.yaml", Outer)


BOMB = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9)
)
TOO_MUCH = {
    "bomb": BOMB,
    "deep": "name: " + "[" * 3000 + "]" * 3000,
    "deep blocks": "".join(f"{' ' * level}a:\n" for level in range(300)),
    "digits": "name: x\ntags: [" + "1" * 100_000 + "]",
    "hexadecimal": "name: 0x" + "f" * 100_000,
    "itself": "name: &a [*a]",
    "long": "name: x\n#" + "x" * 2_000_000,
    "wide": "name: [" + "1," * 60_000 + "]",
    "merge of a number": "name: x\n<<: 3",
    "merge of a list": "name: x\n<<: [1, 2]",
    "merge of itself": "name: x\ninner: &a\n  <<: *a",
    "no month": "name: 2020-13-45",
    "no number": "name: !!int x",
    "a list as a key": "? [1, 2]\n: 3\nname: x",
    "a mapping as a key": "? {a: 1}\n: 2\nname: x",
    "a null as a key": "~: 1\nname: x",
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_is_one_sentence_at_once(tmp_path: Path, name: str):
    started = time.monotonic()
    said = complaint(tmp_path, TOO_MUCH[name])
    assert time.monotonic() - started < 3
    assert said.startswith("FILE:")
    assert all(len(line) < 400 for line in said.splitlines())


def test_what_people_write_is_not_too_much(tmp_path: Path):
    file = tmp_path / "a.yaml"
    for text in ("name: x\ninner: &a {size: 2}\ntags: [1, 2]\n", f"name: x\n# {'x' * 500_000}"):
        file.write_text(text, encoding="utf-8")
        assert yaml_source.load(file, Outer).name == "x"
    file.write_text("name: &n x\ninner:\n  <<: {size: 4}\n", encoding="utf-8")
    assert yaml_source.load(file, Outer).inner == Inner(size=4)
    wrong = "name: x\ninner:\n  <<: {sise: 4}\n"
    assert "unknown key `inner.sise`; did you mean `size`?" in complaint(tmp_path, wrong)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match="this is no file"):
        yaml_source.load(tmp_path / "a.yaml", Outer)
