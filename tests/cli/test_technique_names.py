from __future__ import annotations

import pytest

from interp_bench_ext.cli.technique_names import find_technique
from interp_bench_ext.errors import BadInput
from interp_bench_ext.installed import technique_files, technique_folders

FILES = technique_files(technique_folders())


def test_a_technique_goes_by_its_own_name_and_by_its_short_one():
    spec = find_technique("prefill_attack", FILES)
    assert spec.name == "prefill_attack"
    for short in spec.short_names:
        assert find_technique(short, FILES) == spec


def test_an_own_name_is_never_another_ones_short_name():
    for name in FILES:
        assert find_technique(name, FILES).name == name


def test_an_unknown_one_is_told_the_nearest():
    with pytest.raises(BadInput, match=r"^there is no technique 'prefil_atack'; did you mean `prefill_attack`\?$"):
        find_technique("prefil_atack", FILES)
    with pytest.raises(BadInput, match="`interp-bench techniques` lists them"):
        find_technique("42", FILES)
