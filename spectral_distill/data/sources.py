"""Data sources and the current version of each."""

import re

from spectral_distill.core.errors import UserError
from spectral_distill.data.demo import tables
from spectral_distill.storage import uris as storage
from spectral_distill.storage.hub import hub_errors

_HUB_ID = re.compile(r"hf://[\w.-]+(/[\w.-]+)?")


def data_version(source: str) -> str:
    """Identify the current content of a data source.

    Args:
        source: `demo:…`, `hf://owner/name`, a local path or `s3://…`; empty for no source.

    Returns:
        A string that changes with the content; empty for no source.

    Raises:
        UserError: The source does not exist or cannot be read.
    """
    if not source:
        return ""
    if source.startswith("demo:"):
        return tables.version(source)
    if source.startswith("hf://"):
        return _hub_revision(source)
    return storage.version(source)


def _hub_revision(source: str) -> str:
    from huggingface_hub import HfApi

    if not _HUB_ID.fullmatch(source):
        raise UserError(f"data {source}: expected hf://owner/name")
    with hub_errors(f"data {source}"):
        return f"revision:{HfApi().dataset_info(source.removeprefix('hf://')).sha}"
