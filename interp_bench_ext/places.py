"""Where organisms can run, and on which GPUs."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

GPU_TYPES = {
    "T4": 8,
    "L4": 8,
    "A10": 4,
    "A10G": 4,
    "L40S": 8,
    "A100": 8,
    "A100-40GB": 8,
    "A100-80GB": 8,
    "RTX-PRO-6000": 8,
    "H100": 8,
    "H100!": 8,
    "H200": 8,
    "B200": 8,
    "B200+": 8,
    "B300": 8,
}
"""Modal's GPU types and how many of each one container can have (modal.com/docs/guide/gpu)."""
PLACES = {
    "modal": "interp_bench_ext.organisms.places.modal.place:Modal",
    "local": "interp_bench_ext.organisms.places.local:Local",
    "hub": "interp_bench_ext.organisms.places.hub.place:Hub",
}
"""Where organisms can run: the name in configs, and a :class:`~interp_bench_ext.organisms.placement.Placement`."""
PLACES_GROUP = "interp_bench_ext.placements"
"""Entry points by which other packages add places."""


def places() -> dict[str, EntryPoint]:
    """Where organisms can run, by the names that configs use; one of the table cannot be replaced."""
    own = {name: EntryPoint(name, target, PLACES_GROUP) for name, target in PLACES.items()}
    return {place.name: place for place in entry_points(group=PLACES_GROUP)} | own
