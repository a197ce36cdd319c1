"""Read tables of labelled texts: CSV, JSONL and Parquet, one file or a folder of splits."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_scalar

from spectral_distill.core.errors import UserError

_SPLIT_NAMES = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
_FORMATS = (".csv", ".jsonl", ".ndjson", ".json", ".parquet")


@dataclass(frozen=True)
class Row:
    """One labelled text as read from a file.

    Attributes:
        text: The text.
        label: Its label; None if no label column was requested.
    """

    text: str
    label: str | None


def read_splits(path: Path, *, text_column: str, label_column: str, name: str = "") -> dict[str, list[Row]]:
    """Read the splits of a dataset.

    Args:
        path: A file, which becomes the split `train`, or a folder with one file a split, named `train`, `validation` or
            `test`.
        text_column: Column of the texts.
        label_column: Column of the labels.
        name: Name of the source in messages; the path if empty.

    Returns:
        Rows by split.

    Raises:
        UserError: A file cannot be read, or lacks a column, a row or a label.
    """
    name = name or str(path)
    files = {"train": path} if path.is_file() else _split_files(path, name)
    return {
        split: read_table(
            file,
            text_column=text_column,
            label_column=label_column,
            name=f"{name}/{file.name}" if path.is_dir() else name,
        )
        for split, file in files.items()
    }


def read_table(path: Path, *, text_column: str, label_column: str | None, name: str = "") -> list[Row]:
    """Read the rows of one file, in order.

    Args:
        path: A CSV, JSONL or Parquet file.
        text_column: Column of the texts.
        label_column: Column of the labels; None for texts without labels.
        name: Name of the source in messages; the path if empty.

    Returns:
        The rows.

    Raises:
        UserError: The file cannot be read, or lacks a column, a row or a label.
    """
    name = name or str(path)
    frame = _frame(path, name)
    for column in filter(None, (text_column, label_column)):
        if column not in frame.columns:
            found = ", ".join(map(str, frame.columns)) or "none"
            setting = "data_text_column" if column == text_column else "data_label_column"
            raise UserError(f"{name}: found no column {column!r}, only {found}; set {setting}")
        if list(frame.columns).count(column) > 1:
            raise UserError(f"{name}: found column {column!r} more than once, expected it once; rename the others")
    if frame.empty:
        raise UserError(f"{name}: found no rows, expected texts")
    labels = [None] * len(frame) if label_column is None else _labels(frame[label_column], name)
    return [Row(text, label) for text, label in zip(_texts(frame[text_column], name), labels, strict=True)]


def _split_files(folder: Path, name: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        split = _SPLIT_NAMES.get(file.stem.split("-")[0].lower())
        if split is None or file.suffix.lower() not in _FORMATS:
            continue
        if split in files:
            raise UserError(f"{name}: found {files[split].name} and {file.name}, expected one file for {split}")
        files[split] = file
    if "train" not in files:
        found = ", ".join(sorted(file.name for file in folder.iterdir())[:8]) or "nothing"
        raise UserError(
            f"{name}: found {found}, expected train.csv, train.jsonl or train.parquet (and validation, test)"
        )
    return files


def _frame(path: Path, name: str) -> pd.DataFrame:
    kind = path.suffix.lower()
    if path.is_dir():
        raise UserError(f"{name}: found a folder, expected one .csv, .jsonl or .parquet file")
    if kind not in _FORMATS:
        raise UserError(f"{name}: found file type {kind or 'none'}, expected .csv, .jsonl or .parquet")
    try:
        if kind == ".csv":
            return _csv(path, name)
        if kind == ".parquet":
            return pd.read_parquet(path)
        return pd.DataFrame(_json_lines(path, name), dtype=object)
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: found bytes that are not UTF-8 at {error.start}; save the file as UTF-8") from error
    except (csv.Error, OSError, ValueError) as error:
        raise UserError(f"{name}: not a readable {kind[1:]} file ({error}); fix the file") from error


def _csv(path: Path, name: str) -> pd.DataFrame:
    """Read every cell as text, without conversion. A row with more or fewer cells than the header is an error."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        header = next(reader, None)
        if header is None:
            raise UserError(f"{name}: the file is empty, expected a header and texts")
        rows = []
        for row in filter(None, reader):
            if len(row) != len(header):
                raise UserError(
                    f"{name}: line {reader.line_num}: found {len(row)} cells, expected {len(header)} as in the header; "
                    "quote cells that hold commas"
                )
            rows.append(row)
    return pd.DataFrame(rows, columns=header, dtype=object)


def _json_lines(path: Path, name: str) -> Iterable[dict[str, object]]:
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{name}: line {number} is not JSON ({error.msg}); expected one object a line") from None
        if not isinstance(record, dict):
            raise UserError(f"{name}: line {number}: found {type(record).__name__}, expected an object")
        records.append(record)
    return records


def _texts(column: pd.Series, name: str) -> list[str]:
    values = column.astype(object).tolist()
    for index, value in enumerate(values):
        if not (_missing(value) or (isinstance(value, str) and _encodes(value))):
            raise UserError(f"{name}: row {index + 1}: found text {value!r}, expected a string; fix or remove the row")
    return ["" if _missing(value) else value for value in values]


def _encodes(text: str) -> bool:
    """Return False for a lone surrogate, which JSON can express but UTF-8 cannot encode."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _labels(column: pd.Series, name: str) -> list[str]:
    labels = []
    for index, value in enumerate(column.astype(object).tolist()):
        label = "" if _missing(value) else str(int(value) if isinstance(value, float) and value.is_integer() else value)
        if not label.strip() or not is_scalar(value) or not _encodes(label):
            raise UserError(
                f"{name}: row {index + 1}: found label {value!r}, expected a name or number; label or remove it"
            )
        labels.append(label.strip())
    return labels


def _missing(value: Any) -> bool:
    return bool(is_scalar(value) and pd.isna(value))
