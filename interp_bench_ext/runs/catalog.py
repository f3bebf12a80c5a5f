"""The configs that a server offers, by name: found in its folders, shown without anything of their sealed halves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import ENV_JUPYTER_PATH, jupyter_data_dir
from pydantic import ValidationError
from ruamel.yaml.error import MarkedYAMLError

from ..api import ConfigCard
from ..config import OPEN_KEYS, Experiment, load_config
from ..errors import BadInput, ConfigError
from ..installed import config_folders
from ..organisms.placement import Placement, place_of
from ..wrong_input import nearest

BUNDLED, MINE, INSTALLED = "Bundled", "My configs", "Installed"
_OURS = re.compile(r"^experiment_name\s*:", re.MULTILINE)


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
    found = [ConfigFolder(MINE, mine), *(ConfigFolder(path.name, path) for path in extra)]
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

    def __init__(self, *, root: Path, extra: Sequence[Path] = ()) -> None:
        self._root, self._extra = root, tuple(extra)
        self._cards: dict[Path, tuple[tuple[int, int], ConfigCard]] = {}
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
        return [card for _, card in kept.values()]

    def load(self, name: str) -> Experiment:
        """The config called ``name``, read afresh.

        Raises:
            ConfigError: There is no such config, or it is broken; in a sentence that tells nothing sealed.
        """
        found = self._found()
        if name not in found:
            hint = nearest(name, found, otherwise="choose one from the list, which has changed")
            raise ConfigError(f"there is no config {name!r}{hint}")
        return load_public(found[name][1])

    def name_of(self, file: Path) -> str:
        """What the config at ``file`` is called, also one that lies in none of the folders; as of the last look."""
        if not self._names:
            self._found()
        return self._names.get(file, file.stem)

    def _found(self) -> Mapping[str, tuple[str, Path]]:
        """Name to group and file. A stem that an earlier folder has already gets its group before it."""
        found: dict[str, tuple[str, Path]] = {}
        for folder in catalog_folders(root=self._root, extra=self._extra):
            for file in folder.files():
                taken = found.get(file.stem)
                if taken is None:
                    found[file.stem] = folder.group, file.resolve()
                elif taken[0] != folder.group:
                    found.setdefault(f"{folder.group}/{file.stem}", (folder.group, file.resolve()))
        self._names = {file: name for name, (_, file) in found.items()}
        return found


def load_public(file: Path) -> Experiment:
    """Read a config; raises ConfigError in a sentence that may be shown to whoever must not know the organism."""
    try:
        return load_config(file)
    except ConfigError as error:
        raise ConfigError(public_problem(error, file)) from None
    except OSError:
        raise ConfigError(f"{file.name}: a file that it names is gone; put it back, or change the config") from None


def public_problem(error: ConfigError, file: Path) -> str:
    """The first thing that is wrong with ``file``, without the values of its sealed sections."""
    sentences = str(error).splitlines()
    cause = error.__context__
    if isinstance(cause, ValidationError):
        first = next(iter(cause.errors(include_url=False, include_context=False, include_input=False)))
        tells = _tells(first["type"], first["loc"], sentences[0])
        sentence = _only_where(sentences[0], file) if tells else sentences[0].replace(str(file), file.name)
        return f"{sentence} (and {len(sentences) - 1} more)" if len(sentences) > 1 else sentence
    if isinstance(cause, MarkedYAMLError):
        return _only_where(sentences[0], file)
    return sentences[0].replace(str(file), file.name)


def _tells(kind: str, location: tuple[int | str, ...], sentence: str) -> bool:
    """Whether a sentence about what is wrong at ``location`` may hold something of the sealed half."""
    if kind == "missing":
        return False
    if kind == "extra_forbidden":
        # A line of a hidden prompt that lost its indentation is an unknown key.
        return "did you mean" not in sentence
    return location[0] in ("model", "evaluation") and location[1:2] not in {(key,) for key in OPEN_KEYS}


def _only_where(sentence: str, file: Path) -> str:
    place = re.match(r":(\d+):\d+: ", sentence.removeprefix(str(file)))
    line = f" in line {place[1]}" if place else ""
    return f"{file.name} has a mistake{line}; `interp-bench validate` with its path says what it is"


def _card(name: str, group: str, file: Path) -> ConfigCard:
    try:
        experiment = load_public(file)
        place = place_of(experiment)
    except BadInput as error:
        return ConfigCard(name=name, group=group, title=file.stem, problem=str(error))
    public = experiment.public
    estimate, problem = _prospects(place, experiment)
    return ConfigCard(
        name=name,
        group=group,
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


def _prospects(place: Placement, experiment: Experiment) -> tuple[str | None, str | None]:
    """What a run takes, where that is known, and why the organism cannot be had here, if so."""
    try:
        place.spec(experiment)
        found = place.estimate(experiment)
    except BadInput as error:
        return None, str(error).replace(str(experiment.path), experiment.path.name)
    return (found.said if found else None), None


def _group_of(folder: Path) -> str:
    checkout = Path(__file__).resolve().parents[2] / "configs"
    if folder in [checkout, *(Path(path) / "interp_bench" / "configs" for path in ENV_JUPYTER_PATH)]:
        return BUNDLED
    return MINE if folder.is_relative_to(jupyter_data_dir()) else INSTALLED


def _names_an_experiment(file: Path) -> bool:
    try:
        return _OURS.search(file.read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
