"""Packs the configs into the wheel as one sealed archive; an editable install reads those of its checkout."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SealedConfigs(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        from interp_bench_ext.sealed_configs import ARCHIVE, packed

        self._folder = tempfile.TemporaryDirectory()
        archive = Path(self._folder.name) / ARCHIVE
        archive.write_bytes(packed(root / "configs"))
        build_data["shared_data"][str(archive)] = f"share/jupyter/interp_bench/{ARCHIVE}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()
