from __future__ import annotations

from pathlib import Path

import interp_bench_ext.results as results


def test_every_file_of_the_folder_is_one_type_and_found_by_its_name():
    files = {file.stem for file in Path(results.__file__).parent.glob("*.py")} - {"__init__", "codec", "registry"}
    types = results.result_types()
    assert {kind.__module__.rsplit(".", 1)[1] for kind in types.values()} == files
    assert len(types) == len(files)
    assert all(getattr(results, name) is kind for name, kind in types.items())
    assert not hasattr(results, "Nothing")
