from __future__ import annotations

import grimp

from interp_bench_ext.sandbox.package import KERNEL_PARTS, PACKAGE
from tests.notebook.support import needs_sandbox

from .inside import seen_inside

FOR_PERSONS = {
    ("interp_bench_ext.kernel.server_api", "interp_bench_ext.api"),
    ("interp_bench_ext.kernel.server_api", "interp_bench_ext.record.events"),
}
"""A person's lines ask a Jupyter server, which no sandbox reaches."""

EVERY_MODULE = """
import importlib, json, pathlib, pkgutil, sys
import interp_bench_ext, interp_bench_ext.kernel, interp_bench_ext.results

for part in (interp_bench_ext.kernel, interp_bench_ext.results):
    for found in pkgutil.walk_packages(part.__path__, part.__name__ + "."):
        importlib.import_module(found.name)
there = pathlib.Path(interp_bench_ext.__file__).parent
print(json.dumps({
    "imported": sorted(name for name in sys.modules if name.startswith("interp_bench_ext")),
    "shown": sorted(path.name for path in there.iterdir()),
}))
"""


def test_a_kernel_is_shown_what_kernels_import_and_nothing_else() -> None:
    graph = grimp.build_graph(PACKAGE.name, exclude_type_checking_imports=True)
    for importer, imported in FOR_PERSONS:
        graph.remove_import(importer=importer, imported=imported)
    needed = {"__init__.py", "kernel", "results"}
    for room in ("kernel", "results"):
        for module in graph.find_upstream_modules(f"{PACKAGE.name}.{room}", as_package=True):
            part = module.removeprefix(f"{PACKAGE.name}.").partition(".")[0]
            needed.add(part if (PACKAGE / part).is_dir() else f"{part}.py")
    needed.discard(f"{PACKAGE.name}.py")
    assert set(KERNEL_PARTS) == needed


@needs_sandbox
def test_all_of_it_can_be_imported_there() -> None:
    seen = seen_inside(EVERY_MODULE)
    assert seen["shown"] == sorted(KERNEL_PARTS)
    assert {"interp_bench_ext.kernel.magics", "interp_bench_ext.results.kit.charts"} <= set(seen["imported"])
    assert {f"{PACKAGE.name}.{name}" for name in ("host", "scoring", "cli")}.isdisjoint(seen["imported"])
