"""The organisms that the service offers, by handles that do not say what they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import Experiment, PublicConfig, load_config
from ..errors import BadInput, ConfigError, NotFound
from ..host.spec import OrganismSpec
from ..installed import find_config
from ..organisms.placement import organism_spec, place_of
from ..scoring.ground_truth import GroundTruth, truth_without_a_judge
from ..wrong_input import nearest
from .classrooms import Classrooms
from .people import Person
from .settings import ClassRules, Settings


@dataclass(frozen=True, repr=False)
class Offer:
    """One organism; the sealed half stays in here."""

    handle: str
    public: PublicConfig
    veil: str
    spec: OrganismSpec
    truth: GroundTruth | None = None
    """None: it is not scored here."""

    def __repr__(self) -> str:
        return f"Offer({self.handle})"

    def card(self, *, scored: bool) -> dict[str, Any]:
        """What anybody may see of it who is offered it, and whether their findings are scored."""
        shown = {"description", "task", "techniques", "access", "seed"}
        return {
            "handle": self.handle,
            "veil": self.veil,
            "scored": scored,
            **self.public.model_dump(mode="json", include=shown),
            "agent": self.public.agent.model_dump(mode="json", exclude_defaults=True),
        }


class Offers:
    """All of them, read once.

    Raises:
        ConfigError: One of the configs cannot be used, or two have the same name.
    """

    def __init__(self, settings: Settings, *, folder: Path, classrooms: Classrooms) -> None:
        self._settings, self._classrooms = settings, classrooms
        self._offers: dict[str, Offer] = {}
        for name in settings.organisms:
            offer = _offer(load_config(_file(name, folder)))
            if offer.handle in self._offers:
                raise ConfigError(f"organisms: two of them are called {offer.handle!r}; leave one out")
            self._offers[offer.handle] = offer
        for group, rules in settings.groups.items():
            for handle in rules.organisms or ():
                if handle not in self._offers:
                    raise ConfigError(f"groups.{group}.organisms: no organism is called {handle!r}{self._hint(handle)}")

        for name, classroom in settings.classes.items():
            self._check(name, classroom)

    def all(self) -> list[Offer]:
        return list(self._offers.values())

    def of(self, person: Person) -> list[Offer]:
        """Those that a person may use."""
        named = self._settings.group_of(person).organisms
        return [
            offer
            for offer in self._offers.values()
            if named is None or offer.handle in named or self._classrooms.of(person, offer.handle) is not None
        ]

    def find(self, handle: str, person: Person) -> Offer:
        """Raises NotFound, for one that is kept from them as for one that is not there."""
        for offer in self.of(person):
            if offer.handle == handle:
                return offer
        raise NotFound(f"the Hub offers you no organism {handle!r}; the list shows those that it does")

    def _check(self, name: str, classroom: ClassRules) -> None:
        """Raises ConfigError where a class has an organism that cannot be scored."""
        for handle in classroom.organisms:
            if handle not in self._offers:
                raise ConfigError(f"classes.{name}.organisms: no organism is called {handle!r}{self._hint(handle)}")
            if self._offers[handle].truth is None:
                raise ConfigError(
                    f"classes.{name}.organisms: {handle} cannot be scored; its config needs a ground truth, and the"
                    " grader `aliases`"
                )

    def _hint(self, handle: str) -> str:
        return nearest(handle, list(self._offers))


def _file(name: str, folder: Path) -> Path:
    beside = folder / Path(name).expanduser()
    return beside if beside.is_file() else find_config(name)


def _offer(experiment: Experiment) -> Offer:
    place = place_of(experiment)
    if place.name == "hub":
        raise BadInput(f"{experiment.path}: the Hub's own organisms cannot run on the Hub; name another place")
    public = experiment.public
    truth = truth_without_a_judge(experiment)
    return Offer(public.experiment_name, public, str(place.veil()), organism_spec(experiment), truth)
