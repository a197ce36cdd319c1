"""The demo's data as files: `demo:bike-share` and `demo:bike-share-out-of-scope`."""

import hashlib
import json
from pathlib import Path

from spectral_distill.core.errors import UserError
from spectral_distill.data.demo import bike_share

INTENTS, OUT_OF_SCOPE = "demo:bike-share", "demo:bike-share-out-of-scope"


def write_table(uri: str, folder: Path, *, text_column: str, label_column: str) -> Path:
    """The data set behind `uri` as one jsonl file in `folder`."""
    path = folder / "bike-share.jsonl"
    rows = [{text_column: text, label_column: label} for text, label in _rows(uri)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def version(uri: str) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(_rows(uri)).encode()).hexdigest()}"


def _rows(uri: str) -> list[tuple[str, str]]:
    if uri == INTENTS:
        return bike_share.generate()
    if uri == OUT_OF_SCOPE:
        return [(text, "out_of_scope") for text in bike_share.generate_out_of_scope()]
    raise UserError(f"data {uri}: unknown demo data; expected {INTENTS} or {OUT_OF_SCOPE}")
