from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.errors import ConfigError
from interp_bench_ext.installed import (
    config_folders,
    find_config,
    installed_configs,
    installed_techniques,
    technique_files,
    technique_folders,
)


def test_a_config_is_found_by_its_name():
    assert find_config("amber").name == "amber.yaml"
    with pytest.raises(ConfigError, match="did you mean `amber`"):
        find_config("ambr")
    with pytest.raises(ConfigError, match="`interp-bench configs` lists"):
        find_config("zzzz")


def test_what_looks_like_a_path_is_one(tmp_path: Path):
    assert find_config("amber.yaml") == Path("amber.yaml")
    assert find_config(str(tmp_path / "amber")) == tmp_path / "amber"


def test_a_jupyter_data_folder_adds_configs_and_techniques(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    for kind, names in (("configs", ("amber.yaml", "mine.yaml")), ("techniques", ("probe.py", "_helper.py"))):
        folder = tmp_path / "interp_bench" / kind
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text("")
    assert installed_configs()["mine"] == tmp_path / "interp_bench" / "configs" / "mine.yaml"
    assert installed_configs()["amber"].parent == config_folders()[0]
    assert {"probe", "logit_lens"} <= set(installed_techniques())
    assert "_helper" not in installed_techniques()


def test_an_earlier_folder_of_techniques_wins(tmp_path: Path):
    shipped = technique_folders()[0]
    (tmp_path / "chat.py").write_text("")
    files = technique_files([tmp_path, shipped])
    assert (files["chat"], files["sample"]) == (tmp_path / "chat.py", shipped / "sample.py")
