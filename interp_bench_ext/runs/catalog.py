"""The configs that a server offers, by the names of their experiments, without anything of their sealed halves.

A file's own name often says which model it is of, or what is hidden in it, so only a person is told it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from jupyter_core.paths import ENV_JUPYTER_PATH, jupyter_data_dir
from pydantic import ValidationError
from ruamel.yaml.error import MarkedYAMLError

from ..api import ConfigCard
from ..config import OPEN_KEYS, Experiment, load_config
from ..errors import BadInput, ConfigError
from ..installed import config_folders
from ..organisms.placement import Placement, find_place, place_of
from ..places import PLACES
from ..sealed_configs import unpacked_folders
from ..wrong_input import nearest
from ..yaml_source import text_of
from .rules import Rules

BUNDLED, MINE, INSTALLED = "Bundled", "My configs", "Installed"
_OURS = re.compile(r"^experiment_name\s*:", re.MULTILINE)
_NAME = re.compile(r"""^experiment_name\s*:\s*(["']?)([\w.-]{1,80})\1\s*(?:#.*)?$""", re.MULTILINE)
_UNNAMED = "unnamed"


@dataclass(frozen=True)
class ConfigFolder:
    """One place where configs lie."""

    group: str
    path: Path
    mixed: bool = False
    """Other YAML files lie there too; only those that name an experiment are configs."""

    def files(self) -> Iterator[Path]:
        for file in sorted(self.path.glob("*.yaml")):
            if not self.mixed or _names_an_experiment(file):
                yield file


def catalog_folders(*, root: Path, extra: Sequence[Path]) -> list[ConfigFolder]:
    """The user's folders, the administrator's, then those on the Jupyter path; a name in an earlier one wins."""
    beside = root / "configs"
    mine = Path(jupyter_data_dir()) / "interp_bench" / "configs"
    folders = {name: find_place(name).offered() for name in PLACES}
    offered = [ConfigFolder(name.capitalize(), path) for name, path in folders.items() if path is not None]
    found = [*offered, ConfigFolder(MINE, mine), *(ConfigFolder(path.name, path) for path in extra)]
    installed = [ConfigFolder(_group_of(path), path) for path in config_folders()]
    if beside.resolve() not in {folder.path.resolve() for folder in installed}:
        found.insert(0, ConfigFolder(MINE, beside, mixed=True))
    known: dict[Path, ConfigFolder] = {}
    for folder in [*found, *installed]:
        if folder.path.is_dir():
            known.setdefault(folder.path.resolve(), folder)
    return list(known.values())


class Catalog:
    """Configs by name. Its methods read files, so a server calls :meth:`cards` in a thread."""

    def __init__(self, *, root: Path, extra: Sequence[Path] = (), rules: Rules = Rules()) -> None:  # noqa: B008 - frozen
        self._root, self._extra, self._rules = root, tuple(extra), rules
        self._cards: dict[Path, tuple[tuple[int, int], ConfigCard]] = {}
        self._titles: dict[Path, tuple[tuple[int, int], str]] = {}
        self._names: dict[Path, str] = {}

    def cards(self) -> list[ConfigCard]:
        """All configs, those that cannot be started here too, with the reason."""
        found = self._found()
        kept = {}
        for name, (group, file) in found.items():
            stamp = _stamp(file)
            cached = self._cards.get(file)
            if cached is not None and cached[0] == stamp and (cached[1].name, cached[1].group) == (name, group):
                kept[file] = cached
            else:
                kept[file] = stamp, _card(name, group, file)
        # A card with a problem is made anew each time: its cause may lie in another file.
        self._cards = {file: entry for file, entry in kept.items() if entry[1].problem is None}
        listed = [card for _, card in kept.values() if self._rules.offers(card.name, group=card.group)]
        obstacles = {name: find_place(name).obstacle() for name in {card.place for card in listed} if name}
        return [
            card.model_copy(update={"obstacle": self._rules.obstacle(card) or obstacles.get(card.place)})
            for card in listed
        ]

    def load(self, name: str, *, by_file: bool = False) -> Experiment:
        """The config called ``name``, read afresh.

        Args:
            name: As a card has it.
            by_file: Whether a file's name without its suffix will do, as it does for a person.

        Raises:
            ConfigError: There is no such config, or it is broken; in a sentence that tells nothing sealed.
        """
        found = self._found()
        if name not in found and by_file:
            name = next((own for own, (_, file) in found.items() if file.stem == name), name)
        if name in found and not self._rules.offers(name, group=found[name][0]):
            raise ConfigError(f"the administrator does not offer the config {name!r} here; choose one that is listed")
        if name not in found:
            hint = nearest(name, found, otherwise="choose one that is listed")
            raise ConfigError(f"there is no config {name!r}{hint}")
        return load_public(found[name][1], called=name)

    def name_of(self, file: Path, *, experiment: str) -> str:
        """What the config at ``file`` is called, as of the last look; ``experiment`` where it lies in no folder."""
        if not self._names:
            self._found()
        return self._names.get(file, experiment)

    def _found(self) -> Mapping[str, tuple[str, Path]]:
        """Name to group and file. A name that an earlier file has already gets a number after it.

        Of files of one name in folders of one group, such as a checkout's and an installed one, the first counts.
        """
        found: dict[str, tuple[str, Path]] = {}
        known: set[tuple[str, str]] = set()
        for folder in catalog_folders(root=self._root, extra=self._extra):
            for file in folder.files():
                if (folder.group, file.stem) not in known:
                    known.add((folder.group, file.stem))
                    resolved = file.resolve()
                    found[_free(self._title(resolved), found)] = folder.group, resolved
        self._names = {file: name for name, (_, file) in found.items()}
        return found

    def _title(self, file: Path) -> str:
        """The experiment's name as the file has it, also where the rest of it is broken."""
        stamp = _stamp(file)
        known = self._titles.get(file)
        if known is None or known[0] != stamp:
            known = self._titles[file] = stamp, _title_in(file)
        return known[1]


def load_public(file: Path, *, called: str) -> Experiment:
    """Read a config; raises ConfigError in a sentence that may be shown to whoever must not know the organism.

    Args:
        file: Where it is.
        called: What the sentence calls it.
    """
    try:
        return load_config(file)
    except ConfigError as error:
        raise ConfigError(public_problem(error, file, called=called)) from None
    except OSError:
        raise ConfigError(f"{called}: a file that it names is gone; put it back, or change the config") from None


@contextmanager
def calling(experiment: Experiment, name: str) -> Iterator[None]:
    """What goes wrong with the config in this block is told by its name, not by its file's."""
    try:
        yield
    except BadInput as error:
        raise type(error)(str(error).replace(str(experiment.path), name)) from None


def public_problem(error: ConfigError, file: Path, *, called: str) -> str:
    """The first thing that is wrong with ``file``, without its name and the values of its sealed sections."""
    sentences = str(error).splitlines()
    cause = error.__context__
    if isinstance(cause, ValidationError):
        first = next(iter(cause.errors(include_url=False, include_context=False, include_input=False)))
        tells = _tells(first["type"], first["loc"], sentences[0])
        sentence = _only_where(sentences[0], file, called) if tells else sentences[0].replace(str(file), called)
        return f"{sentence} (and {len(sentences) - 1} more)" if len(sentences) > 1 else sentence
    if isinstance(cause, MarkedYAMLError):
        return _only_where(sentences[0], file, called)
    return sentences[0].replace(str(file), called)


def _tells(kind: str, location: tuple[int | str, ...], sentence: str) -> bool:
    """Whether a sentence about what is wrong at ``location`` may hold something of the sealed half."""
    if kind == "missing":
        return False
    if kind == "extra_forbidden":
        # A line of a hidden prompt that lost its indentation is an unknown key.
        return "did you mean" not in sentence
    return location[0] in ("model", "evaluation") and location[1:2] not in {(key,) for key in OPEN_KEYS}


def _only_where(sentence: str, file: Path, called: str) -> str:
    place = re.match(r":(\d+):\d+: ", sentence.removeprefix(str(file)))
    line = f" in line {place[1]}" if place else ""
    return f"{called} has a mistake{line}; `interp-bench validate` with its path says what it is"


def _card(name: str, group: str, file: Path) -> ConfigCard:
    try:
        experiment = load_public(file, called=name)
        place = place_of(experiment)
    except BadInput as error:
        return ConfigCard(name=name, group=group, file=file.stem, title=name, problem=str(error))
    public = experiment.public
    estimate, problem = _prospects(place, experiment, name)
    return ConfigCard(
        name=name,
        group=group,
        file=file.stem,
        title=public.experiment_name,
        description=public.description,
        task=public.task,
        techniques=list(public.techniques),
        access=str(public.access),
        place=place.name,
        gpu_type=public.gpu_type,
        veil=str(place.veil()),
        agent=public.agent,
        estimate=estimate,
        problem=problem,
    )


def _prospects(place: Placement, experiment: Experiment, name: str) -> tuple[str | None, str | None]:
    """What a run takes, where that is known, and why the organism cannot be had here, if so."""
    try:
        with calling(experiment, name):
            place.spec(experiment)
            found = place.estimate(experiment)
    except BadInput as error:
        return None, str(error)
    return (found.said if found else None), None


def _group_of(folder: Path) -> str:
    checkout = Path(__file__).resolve().parents[2] / "configs"
    shipped = [checkout, *(Path(path) / "interp_bench" / "configs" for path in ENV_JUPYTER_PATH)]
    if folder in shipped or folder.parent == unpacked_folders():
        return BUNDLED
    return MINE if folder.is_relative_to(jupyter_data_dir()) else INSTALLED


def _names_an_experiment(file: Path) -> bool:
    return _OURS.search(_text_of(file)) is not None


def _title_in(file: Path) -> str:
    found = _NAME.search(_text_of(file))
    return found[2] if found else _UNNAMED


def _text_of(file: Path) -> str:
    try:
        return text_of(file)
    except ConfigError:
        return ""


def _free(name: str, taken: Container[str]) -> str:
    """``name``, with the first number after it that makes it none of ``taken``."""
    numbered = (f"{name}-{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
