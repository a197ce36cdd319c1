"""The demo's data as files: `demo:bike-share` and `demo:bike-share-out-of-scope`."""

import hashlib
import json
from pathlib import Path

from spectral_distill.core.errors import UserError
from spectral_distill.data.demo import bike_share

INTENTS, OUT_OF_SCOPE = "demo:bike-share", "demo:bike-share-out-of-scope"


def write_table(uri: str, folder: Path, *, text_column: str, label_column: str) -> Path:
    """Write a demo dataset as one JSONL file.

    Args:
        uri: `demo:bike-share` or `demo:bike-share-out-of-scope`.
        folder: Folder of the file.
        text_column: Name of the column of texts.
        label_column: Name of the column of labels.

    Returns:
        The path of the file.

    Raises:
        UserError: The URI is unknown.
    """
    path = folder / "bike-share.jsonl"
    rows = [{text_column: text, label_column: label} for text, label in _rows(uri)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def version(uri: str) -> str:
    """Identify a demo dataset.

    Args:
        uri: `demo:bike-share` or `demo:bike-share-out-of-scope`.

    Returns:
        A sha256 of its content.

    Raises:
        UserError: The URI is unknown.
    """
    return f"sha256:{hashlib.sha256(json.dumps(_rows(uri)).encode()).hexdigest()}"


def _rows(uri: str) -> list[tuple[str, str]]:
    if uri == INTENTS:
        return bike_share.generate()
    if uri == OUT_OF_SCOPE:
        return [(text, "out_of_scope") for text in bike_share.generate_out_of_scope()]
    raise UserError(f"data {uri}: unknown demo data; expected {INTENTS} or {OUT_OF_SCOPE}")
