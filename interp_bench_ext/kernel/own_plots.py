"""Charts of a notebook's own code, shown as pictures: an investigation's notebook draws no others by itself."""

from __future__ import annotations

import sys
from typing import Any

from ..results.kit import bundles

_CHART = ("altair.vegalite.v5.api", "TopLevelMixin")
"""Module and name of what all of Altair's charts are; named, so that nothing has to import it."""


def show_altair_as_pictures() -> None:
    """Let a chart of Altair's be shown as PNG in the shell that this runs in, if it runs in one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.for_type_by_name(*_CHART, _forms)


def _forms(chart: Any, **_: Any) -> Any:
    """The chart's own forms where a subclass has some, else its picture and what Python says of it."""
    if not type(chart).__module__.startswith("altair."):
        return chart._repr_mimebundle_()
    return {"text/plain": repr(chart), "image/png": bundles.png(chart.to_dict())}
