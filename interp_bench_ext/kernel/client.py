"""The organism as a notebook sees it: ``connect()``, then ``organism.logit_lens("…")`` and so on."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contracts import Access, Connection, Parameter, TechniqueSpec
from ..errors import BadInput, InterpBenchError
from ..results import Result
from ..results.kit.safe_text import clip
from ..wrong_input import nearest
from .arguments import bind, signature
from .own_method import OwnMethod
from .progress import Progress
from .wire import Wire

_NONE_RUNNING = (
    "No organism is running: load one with `%interp use CONFIG`, or start one with `interp-bench serve CONFIG`,"
    " then run this cell again."
)
_DEADLINE_S, _PATIENCE_S = 600.0, 60.0


class UnknownTechnique(BadInput, AttributeError):
    """The organism has no technique of that name."""

    code = "unknown_technique"


def connect(*, deadline_s: float = _DEADLINE_S, patience_s: float = _PATIENCE_S) -> RemoteOrganism:
    """The organism of this notebook.

    It is the one that ``%interp use`` has chosen here; in a run's kernel the one that the environment names
    (``INTERP_BENCH_URL``, ``INTERP_BENCH_TOKEN``); elsewhere the one that was started last with ``interp-bench serve``.

    Args:
        deadline_s: how long one call may take.
        patience_s: how long an organism that restarts is waited for.
    """
    found = _in_use or _given() or next(served_organisms(), None)
    if found is None:
        raise NoOrganism(_NONE_RUNNING)
    organism = RemoteOrganism(found.connection, name=found.name, deadline_s=deadline_s, patience_s=patience_s)
    organism.techniques()
    return organism


class NoOrganism(InterpBenchError):
    """This notebook has no organism."""


@dataclass(frozen=True)
class Served:
    """An organism that a server, or somebody with ``interp-bench serve``, keeps for notebooks."""

    name: str
    """What it is called there."""
    connection: Connection


_in_use: Served | None = None
"""What ``%interp use`` chose in this kernel."""


def use(served: Served) -> RemoteOrganism:
    """Make this the organism of this notebook."""
    global _in_use
    organism = RemoteOrganism(served.connection, name=served.name)
    organism.techniques()
    _in_use = served
    return organism


def _given() -> Served | None:
    url, token = os.environ.get("INTERP_BENCH_URL"), os.environ.get("INTERP_BENCH_TOKEN")
    return Served("", Connection(url, token)) if url and token else None


def served_organisms() -> Iterator[Served]:
    """Those of ``interp-bench serve`` that answer, the newest first."""
    from jupyter_core.paths import jupyter_runtime_dir

    found = []
    for path in Path(jupyter_runtime_dir(), "interp_bench").glob("*.json"):
        try:
            status = path.stat()
            content = json.loads(path.read_text(encoding="utf-8"))
            connection = Connection(str(content["url"]), str(content["token"]))
            served = Served(str(content.get("experiment", "")), connection)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        # Another user's file could send this notebook's prompts anywhere.
        if not hasattr(os, "getuid") or status.st_uid == os.getuid():
            found.append((status.st_mtime_ns, served))
    for _, served in sorted(found, key=lambda entry: entry[0], reverse=True):
        if _answers(served.connection):
            yield served


def _answers(connection: Connection) -> bool:
    try:
        Wire(connection, patience_s=0).get("/health")
    except InterpBenchError:
        return False
    return True


class TechniqueList(Sequence[TechniqueSpec]):
    """The techniques an organism offers, shown as a table."""

    def __init__(self, specs: Sequence[TechniqueSpec]) -> None:
        self._specs = tuple(specs)

    def __getitem__(self, index: Any) -> Any:
        return self._specs[index]

    def __len__(self) -> int:
        return len(self._specs)

    def __repr__(self) -> str:
        return "\n".join(f"{spec.signature}  [{spec.access}]\n    {clip(spec.summary, 160)}" for spec in self._specs)

    def _repr_html_(self) -> str:
        cell = '<td style="text-align:left;vertical-align:top;padding:2px 12px 2px 0">{}</td>'
        rows = (
            "<tr>"
            + cell.format(f"<code>{html.escape(spec.signature)}</code><br>{html.escape(spec.summary)}")
            + cell.format(f'<span style="opacity:0.7">{html.escape(spec.access)}</span>')
            + "</tr>"
            for spec in self._specs
        )
        return f'<table style="table-layout:auto;margin:0"><tbody>{"".join(rows)}</tbody></table>'


class RemoteOrganism:
    """An organism in another process; each of its techniques is a method.

    Required arguments may be given by position, the others by name. Arrays, tuples and earlier results may be
    passed as arguments: generations stand for their texts.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        name: str = "",
        deadline_s: float = _DEADLINE_S,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._name = name
        self.deadline_s = deadline_s
        """How long one call may take."""
        self._wire = Wire(connection, patience_s=patience_s)
        self._specs: dict[str, TechniqueSpec] = {}

    def __repr__(self) -> str:
        return (
            f"<{f'organism {self._name}'.strip()}: .techniques() lists what it can be asked, .status() says how it is>"
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._known()]

    def __getattr__(self, name: str) -> Callable[..., Result]:
        # Notebooks and copy() probe for private names; those must not cost a request.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return self._method(self.spec(name))

    def techniques(self) -> TechniqueList:
        """What this organism offers."""
        with Progress("organism") as progress:
            listed = self._wire.get("/techniques", on_waiting=progress.waiting)
        specs = [_spec(entry) for entry in listed]
        self._specs = {spec.name: spec for spec in specs}
        return TechniqueList(specs)

    def status(self) -> dict[str, Any]:
        """How the organism's process is."""
        with Progress("organism") as progress:
            health: dict[str, Any] = self._wire.get("/health", on_waiting=progress.waiting)
        return health

    def spec(self, name: str) -> TechniqueSpec:
        """The technique called ``name``; a name that is not known is looked up again, for it may be new.

        Raises:
            UnknownTechnique: with the nearest name.
        """
        if name not in self._known():
            self.techniques()
        if name not in self._specs:
            raise UnknownTechnique(f"The organism has no technique {name!r}{nearest(name, self._specs)}")
        return self._specs[name]

    def call(self, technique: str, /, *positional: Any, **named: Any) -> Result:
        """Run a technique by name."""
        spec = self.spec(technique)
        arguments = bind(spec, positional, named)
        with Progress(technique) as progress:
            return self._wire.call(
                technique,
                arguments,
                self.deadline_s,
                on_progress=progress.update,
                on_waiting=progress.waiting,
            )

    def method(self, function: Callable[..., Any]) -> Callable[..., Result]:
        """Make a function of a cell one that runs beside the organism: a decorator.

        The function takes the organism first (``run``, ``generate``, ``read``, … as in ``contracts.Organism``) and
        then the arguments that it is called with here. It needs access to weights.

        Raises:
            BadInput: the function uses something of the notebook that cannot be sent.
        """
        own = OwnMethod.of(function)

        def method(*positional: Any, **named: Any) -> Result:
            arguments = own.arguments(positional, named)
            return self.call(
                "custom_method", source=own.source, name=own.name, arguments=arguments, modules=own.modules
            )

        method.__name__ = method.__qualname__ = own.name
        method.__doc__ = function.__doc__
        method.__signature__ = own.parameters  # type: ignore[attr-defined]
        return method

    def _known(self) -> dict[str, TechniqueSpec]:
        if not self._specs:
            self.techniques()
        return self._specs

    def _method(self, spec: TechniqueSpec) -> Callable[..., Result]:
        def method(*positional: Any, **named: Any) -> Result:
            return self.call(spec.name, *positional, **named)

        method.__name__ = method.__qualname__ = spec.name
        method.__doc__ = spec.doc
        method.__signature__ = signature(spec)  # type: ignore[attr-defined]
        return method


def _spec(entry: dict[str, Any]) -> TechniqueSpec:
    try:
        parameters = (
            Parameter(name=str(p["name"]), type=str(p["type"]), default=p["default"], help=str(p["help"]))
            for p in entry["parameters"]
        )
        return TechniqueSpec(
            name=str(entry["name"]),
            summary=str(entry["summary"]),
            doc=str(entry["doc"]),
            access=Access(entry["access"]),
            parameters=tuple(parameters),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InterpBenchError(f"The organism described a technique in a way that cannot be read: {error}.") from None
