"""What is there by name: the configs and techniques of a checkout and of every Jupyter data folder."""

from __future__ import annotations

from pathlib import Path

from jupyter_core.paths import jupyter_path

from .errors import ConfigError
from .sealed_configs import ARCHIVE, unpacked
from .wrong_input import nearest


def config_folders() -> list[Path]:
    """Folders of configs, the checkout's first, then those of every Jupyter data folder's ``interp_bench``.

    There they are plain files in ``configs``, or came with the package, sealed.

    Raises:
        ConfigError: There is no room to unpack the latter.
    """
    archives = [Path(folder, ARCHIVE) for folder in jupyter_path("interp_bench")]
    return [*_data_folders("configs"), *(unpacked(archive) for archive in archives if archive.is_file())]


def technique_folders() -> list[Path]:
    """Folders of technique files, found like the configs."""
    return _data_folders("techniques")


def installed_configs() -> dict[str, Path]:
    """Name to file; an earlier folder wins."""
    return {file.stem: file for folder in reversed(config_folders()) for file in sorted(folder.glob("*.yaml"))}


def find_config(name: str) -> Path:
    """The file that ``name`` means: a path, or the name of a config on the Jupyter path without its suffix."""
    path = Path(name).expanduser()
    if path.exists() or path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return path
    found = installed_configs()
    if name in found:
        return found[name]
    hint = nearest(name, found, otherwise="`interp-bench configs` lists those that exist")
    raise ConfigError(f"there is no config {name!r}{hint}")


def technique_files(folders: list[Path]) -> dict[str, Path]:
    """Technique name to file; an earlier folder wins."""
    return {
        file.stem: file
        for folder in reversed(folders)
        for file in sorted(folder.glob("*.py"))
        if not file.name.startswith("_")
    }


def installed_techniques() -> tuple[str, ...]:
    """The names of all techniques that are installed."""
    return tuple(sorted(technique_files(technique_folders())))


def experiment_techniques(folder: Path) -> dict[str, Path]:
    """Techniques that a config in ``folder`` may name: those in ``techniques`` beside it, then the installed ones."""
    return technique_files([beside for beside in [folder / "techniques"] if beside.is_dir()] + technique_folders())


def _data_folders(kind: str) -> list[Path]:
    checkout = Path(__file__).resolve().parent.parent
    local = [checkout / kind] if (checkout / "pyproject.toml").is_file() else []
    return [folder for folder in [*local, *map(Path, jupyter_path("interp_bench", kind))] if folder.is_dir()]
