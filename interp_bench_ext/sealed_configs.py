"""The configs that ship, as one file whose name, size and hash tell nothing of what is in it.

An installed package notes the name, size and hash of each of its files where every process can read that: of plain
files, a size would tell which organism has a prompt, and a hash would confirm a guessed truth. So a build packs all of
them into one archive, padded and encrypted with a random key that lies in it: whoever may read the archive can open it,
whoever knows its hash knows nothing. Configs of one's own are plain files.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import platformdirs

from .errors import ConfigError

ARCHIVE = "configs.sealed"
_KEY_BYTES = 32
_LENGTH_BYTES = 8
_SIZE_STEP = 16 * 2**20
"""A size is a multiple of this."""


def packed(folder: Path) -> bytes:
    """All files of ``folder``, sealed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    content = buffer.getvalue()
    text = len(content).to_bytes(_LENGTH_BYTES, "big") + content
    text += bytes(-(_KEY_BYTES + len(text)) % _SIZE_STEP)
    key = os.urandom(_KEY_BYTES)
    return key + _combined(text, key)


def unpacked(archive: Path) -> Path:
    """The folder with the files of ``archive``, in the user's cache, made when it is asked for first.

    Raises:
        ConfigError: The cache cannot be written to.
    """
    with archive.open("rb") as file:
        key = file.read(_KEY_BYTES)
        folder = unpacked_folders() / hashlib.sha256(key).hexdigest()[:16]
        if folder.is_dir():
            return folder
        text = _combined(file.read(), key)
    length = int.from_bytes(text[:_LENGTH_BYTES], "big")
    try:
        _unpack(text[_LENGTH_BYTES : _LENGTH_BYTES + length], folder)
    except zipfile.BadZipFile as error:
        raise ConfigError(f"{archive} is damaged: install interp_bench_ext again") from error
    except OSError as error:
        raise ConfigError(
            f"the configs that ship cannot be unpacked into {folder.parent} ({error.strerror or error}): make room or "
            "give yourself write permission there, or set XDG_CACHE_HOME to another folder"
        ) from error
    return folder


def unpacked_folders() -> Path:
    """Where archives are unpacked, each in a folder of its own."""
    return Path(platformdirs.user_cache_dir("interp_bench")) / "configs"


def _unpack(content: bytes, folder: Path) -> None:
    for part in (folder.parents[1], folder.parent):  # whoever may write to one can put other configs there
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(temporary)
        if not folder.is_dir():
            temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # another process was as fast
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _combined(text: bytes, key: bytes) -> bytes:
    stream = hashlib.shake_256(key).digest(len(text))
    return (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")
