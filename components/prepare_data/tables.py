"""Reading tables: csv, jsonl and parquet, a file or a folder of splits, into rows of text and label."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.foundation.errors import UserError

_SPLIT_NAMES = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
_FORMATS = (".csv", ".jsonl", ".ndjson", ".json", ".parquet")


@dataclass(frozen=True)
class Row:
    """One labelled text as it was read; `label` is None where no label column was asked for."""

    text: str
    label: str | None


def read_splits(path: Path, *, text_column: str, label_column: str, name: str = "") -> dict[str, list[Row]]:
    """Rows by split: a folder gives the splits that its file names tell, a file gives `train` alone."""
    name = name or str(path)
    files = {"train": path} if path.is_file() else _split_files(path, name)
    return {
        split: read_table(file, text_column=text_column, label_column=label_column, name=f"{name}/{file.name}" if path.is_dir() else name)
        for split, file in files.items()
    }


def read_table(path: Path, *, text_column: str, label_column: str | None, name: str = "") -> list[Row]:
    """The rows of one file, in order. Raises `UserError` for what cannot be read or lacks a column or a label."""
    name = name or str(path)
    frame = _frame(path, name)
    for column in filter(None, (text_column, label_column)):
        if column not in frame.columns:
            found = ", ".join(map(str, frame.columns)) or "none"
            setting = "text_column" if column == text_column else "label_column"
            raise UserError(f"{name}: found no column {column!r}, only {found}; set {setting}")
    if frame.empty:
        raise UserError(f"{name}: found no rows, expected labelled texts")
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
        raise UserError(f"{name}: found {found}, expected train.csv, train.jsonl or train.parquet (and validation, test)")
    return files


def _frame(path: Path, name: str) -> pd.DataFrame:
    kind = path.suffix.lower()
    if kind not in _FORMATS:
        raise UserError(f"{name}: found file type {kind or 'none'}, expected .csv, .jsonl or .parquet")
    try:
        if kind == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[], encoding="utf-8-sig")
        if kind == ".parquet":
            return pd.read_parquet(path)
        return pd.DataFrame(_json_lines(path, name))
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: found bytes that are not UTF-8 at {error.start}; save the file as UTF-8") from error
    except pd.errors.EmptyDataError as error:
        raise UserError(f"{name}: the file is empty, expected a header and labelled texts") from error
    except (pd.errors.ParserError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{name}: not a readable {kind[1:]} file ({reason}); mend the file") from error


def _json_lines(path: Path, name: str) -> Iterable[dict[str, object]]:
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{name}: line {number} is not JSON ({error.msg}); expected one object a line") from error
        if not isinstance(record, dict):
            raise UserError(f"{name}: line {number}: found {type(record).__name__}, expected an object")
        records.append(record)
    return records


def _texts(column: pd.Series, name: str) -> list[str]:
    strange = [index for index, value in enumerate(column) if not (isinstance(value, str) or _missing(value))]
    if strange:
        value = column.iloc[strange[0]]
        raise UserError(f"{name}: row {strange[0] + 1}: found text {value!r}, expected a string; mend or remove the row")
    return ["" if _missing(value) else value for value in column]


def _labels(column: pd.Series, name: str) -> list[str]:
    labels = []
    for index, value in enumerate(column):
        label = "" if _missing(value) else str(int(value) if isinstance(value, float) and value.is_integer() else value)
        if not label.strip() or isinstance(value, list | dict):
            raise UserError(f"{name}: row {index + 1}: found label {value!r}, expected a name or number; label or remove it")
        labels.append(label.strip())
    return labels


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value) or value is pd.NA
