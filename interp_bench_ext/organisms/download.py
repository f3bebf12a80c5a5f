"""Model repositories of the Hugging Face hub, fetched into its own cache."""

from __future__ import annotations

import os
from pathlib import Path

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.spec import with_detail

_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
_REASONS = {
    "GatedRepoError": "the hub repository is gated: accept its terms there and set HF_TOKEN.",
    "RepositoryNotFoundError": "the model hub has no such repository, or it is private: check the id, or set HF_TOKEN.",
    "RevisionNotFoundError": "the hub repository has no such revision.",
    "HFValidationError": "it is neither a hub id (owner/name), nor an absolute path, nor bundled:<name>.",
}
_UNREACHABLE = "the model hub cannot be reached and its cache lacks the files: connect to the network, or give a path."


def download(repository: str, revision: str | None, key: str) -> Path:
    """The folder with the repository's model or adapter files, from the cache where they are there.

    Raises BadInput, naming the config's ``key``, when they can be had neither from the cache nor from the hub.
    """
    from huggingface_hub import snapshot_download

    token = os.environ.get("HF_TOKEN") or None
    try:
        folder = Path(snapshot_download(repository, revision=revision, token=token, allow_patterns=_FILES))
        if not list(folder.glob("*.safetensors")):
            patterns = [*_FILES, "*.bin"]
            folder = Path(snapshot_download(repository, revision=revision, token=token, allow_patterns=patterns))
    except Exception as error:  # noqa: BLE001 - the library's and its transports' errors have no common base
        reason = _REASONS.get(type(error).__name__, _UNREACHABLE)
        detail = f"{key} is {repository!r}: {type(error).__name__}: {error}"
        raise with_detail(BadInput(f"{key}: {reason}"), detail) from None
    return folder
