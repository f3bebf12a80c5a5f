"""Places where organisms run: each a file and a line in ``config.PLACES``, or an entry point of another package."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from interp_bench_ext.config import Experiment, ModelSection
from interp_bench_ext.contracts import Veil
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.spec import OrganismSpec
from interp_bench_ext.installed import experiment_techniques
from interp_bench_ext.organisms.handle import ServedOrganism
from interp_bench_ext.places import places
from interp_bench_ext.record.events import Emit, FindingsSubmitted
from interp_bench_ext.record.scores import Score

_LOADED = {field.name for field in fields(OrganismSpec)} & set(ModelSection.model_fields) - {
    "hidden_system_prompt",  # may be in a file of its own
    "modal",  # what is there is for Modal to read
    "reference",
}
"""What a config says of its model that is the same in every place."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run may cost; ``most_usd`` is None where nothing limits the run's time."""

    said: str
    """In one line, for a person."""
    most_usd: float | None
    confirm_above_usd: float
    """What a start may cost without being confirmed."""
    confirm_key: str
    """The config's key that says so."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What is paid while an organism is held."""

    usd_per_s: float
    kept_s: float
    """How long it is paid for after its last use."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that ``interp-bench doctor`` has looked at."""

    what: str
    ok: bool | None
    """None where it cannot be told from here."""
    state: str
    mend: str = ""
    """The command, or the page, that mends it."""
    needed: bool = False
    """Whether what was asked about cannot do without it."""


@dataclass(frozen=True, kw_only=True)
class HandedIn:
    """What a run hands in to whoever holds its organism's ground truth."""

    run: str
    agent: str
    steps: int
    minutes: float
    cost_usd: float | None
    submitted: FindingsSubmitted


class Placement(ABC):
    """A place, made with the name that configs call it; it and the scorer alone are handed a config's sealed half.

    Each has :meth:`veil` and :meth:`start`. The rest is as it is where nothing costs anything.
    """

    at_once = 1
    """How many runs a sweep usually drives there at the same time."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def veil(self) -> Veil:
        """How strong the veil of a run there would be."""

    @abstractmethod
    async def start(self, spec: OrganismSpec, *, emit: Emit) -> ServedOrganism:
        """Load ``spec`` and return when it serves; ``emit`` hears how that goes.

        Raises an error of this package's tree. One who uses it holds a ticket of :mod:`~.tickets`.
        """

    def spec(self, experiment: Experiment) -> OrganismSpec:
        """What :meth:`start` is given, equal for runs that can share the organism.

        Raises BadInput where the organism cannot be had there.
        """
        sealed = experiment.sealed
        files = experiment_techniques(sealed.folder)
        return OrganismSpec(
            **{key: getattr(sealed.model, key) for key in _LOADED},
            hidden_system_prompt=sealed.hidden_system_prompt,
            techniques=tuple(files[name] for name in experiment.public.techniques),
            place=self.name,
            reference=self._reference(experiment),
        )

    def _reference(self, experiment: Experiment) -> OrganismSpec | None:
        """Its keys, on the organism's own device and in its own format."""
        model = experiment.sealed.model
        if model.reference is None:
            return None
        return OrganismSpec(
            **model.reference.model_dump(exclude={"hidden_system_prompt", "hidden_system_prompt_file"}),
            device=model.device,
            dtype=model.dtype,
            quantization=model.quantization,
            hidden_system_prompt=experiment.sealed.reference_prompt,
        )

    def estimate(self, experiment: Experiment) -> Cost | None:
        """What a run may cost; None: nothing, or it is not known. Raises BadInput for a model that is too large."""
        return None

    def rate(self, experiment: Experiment) -> Rate | None:
        """What is paid while the organism is held; None: nothing."""
        return None

    def at_most(self, experiment: Experiment) -> int | None:
        """How many runs may use one organism at once; None: any number."""
        return None

    def obstacle(self) -> str | None:
        """What a person must do before any organism can be had there, as far as this machine knows it by itself."""
        return None

    def offered(self) -> Path | None:
        """A folder with configs of what the place itself has to offer. Reads files or the network."""
        return None

    async def score(self, spec: OrganismSpec, handed: HandedIn) -> Score | None:
        """Hand in what a run has found, for a config with ``grader: place``; None: the score is not shown.

        Raises an error of this package's tree where it is not taken.
        """
        raise BadInput(f"organisms at {self.name} are not scored there; give the config a ground truth")

    async def reach(self, experiment: Experiment) -> None:
        """Raise an error of this package's tree where the place cannot be used now."""
        self.spec(experiment)

    async def checks(self, experiment: Experiment | None) -> Sequence[Check]:
        """What works there, the place itself first; with a config of this place, also what the config needs."""
        return []


@cache
def find_place(name: str) -> Placement:
    """The place that :func:`~interp_bench_ext.config.places` calls ``name``. Raises BadInput where it cannot be loaded.

    The same name gives the same object.
    """
    entry = places()[name]
    try:
        made: Placement = entry.load()(name)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"`model.execution_mode: {name}` cannot be used: {entry.value} is not there ({error})") from None
    return made


def place_of(experiment: Experiment) -> Placement:
    """Where the config says that its organism runs."""
    return find_place(experiment.public.execution_mode)


def organism_spec(experiment: Experiment) -> OrganismSpec:
    """What the organism is loaded from. Raises BadInput where it cannot be had."""
    return place_of(experiment).spec(experiment)


def check_startable(experiment: Experiment) -> None:
    """Raises BadInput where the organism cannot be had, or something must be done before."""
    organism_spec(experiment)
    check_places([experiment])


def check_places(experiments: Sequence[Experiment]) -> None:
    """Raises BadInput where something must be done before anything can be had at one of the places."""
    for name in {one.public.execution_mode for one in experiments}:
        obstacle = find_place(name).obstacle()
        if obstacle is not None:
            raise BadInput(obstacle)


async def start_organism(spec: OrganismSpec, *, emit: Emit) -> ServedOrganism:
    """Load ``spec`` where it says and return when it serves. Raises an error of this package's tree."""
    return await find_place(spec.place).start(spec, emit=emit)
