"""Tables are read as they are: every format, every split, no guessing at cells."""

import json
from pathlib import Path

import pandas as pd
import pytest

from spectral_distill.core.errors import UserError
from spectral_distill.data.tables import Row, read_splits, read_table

ROWS = [Row("lock the bike", "lock"), Row("where, exactly, is it?", "find"), Row('say "hi"\nthen go', "greet")]


def rows_of(path: Path, **columns: str) -> list[Row]:
    return read_table(path, text_column=columns.get("text", "text"), label_column=columns.get("label", "label"))


def written(path: Path, rows: list[Row]) -> Path:
    """The rows as a file of the format that its name tells."""
    records = [{"text": row.text, "label": row.label} for row in rows]
    if path.suffix == ".csv":
        pd.DataFrame(records).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        pd.DataFrame(records).to_parquet(path)
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.CSV", "t.jsonl", "t.ndjson", "t.json", "t.parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    if name == "t.CSV":
        written(tmp_path / "t.csv", ROWS).rename(tmp_path / name)
    else:
        written(tmp_path / name, ROWS)
    assert rows_of(tmp_path / name) == ROWS


def test_csv_keeps_quoted_commas_quotes_and_newlines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'text,label\r\n"a, b",x\r\n"two\r\nlines",y\r\n"a ""quote""",x\r\n')
    assert rows_of(path) == [Row("a, b", "x"), Row("two\r\nlines", "y"), Row('a "quote"', "x")]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_table(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t.{kind}"
    content = "text,label\nhällo,x\n" if kind == "csv" else '{"text": "hällo", "label": "x"}\n'
    path.write_bytes(content.encode("utf-8-sig"))
    assert rows_of(path) == [Row("hällo", "x")]


@pytest.mark.parametrize("word", ["null", "NA", "N/A", "nan", "None", "true", "007", "1e3", "-"])
def test_words_that_look_like_values_stay_text(tmp_path: Path, word: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"text,label\n{word},{word}\n", encoding="utf-8")
    assert rows_of(path) == [Row(word, word)]


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\n\na,x\n\n\nb,y\n", encoding="utf-8")
    (tmp_path / "t.jsonl").write_text(
        '\n{"text": "a", "label": "x"}\n  \n{"text": "b", "label": "y"}\n', encoding="utf-8"
    )
    assert rows_of(tmp_path / "t.csv") == rows_of(tmp_path / "t.jsonl") == [Row("a", "x"), Row("b", "y")]


def test_an_empty_csv_cell_is_an_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\n,x\nb,y\n", encoding="utf-8")
    assert rows_of(path) == [Row("", "x"), Row("b", "y")]


def test_a_null_text_is_an_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": null, "label": "x"}\n{"label": "x"}\n{"text": "b", "label": "y"}\n', encoding="utf-8")
    assert [row.text for row in rows_of(path)] == ["", "", "b"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_integer_labels_become_their_digits(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t.{kind}"
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": [0, 11, 2]})
    path.write_text(frame.to_json(orient="records", lines=True)) if kind == "jsonl" else frame.to_parquet(path)
    assert [row.label for row in rows_of(path)] == ["0", "11", "2"]


def test_whole_numbers_stored_as_floats_are_integer_labels(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a", "b"], "label": [1.0, 2.0]}).to_parquet(tmp_path / "t.parquet")
    assert [row.label for row in rows_of(tmp_path / "t.parquet")] == ["1", "2"]


def test_labels_lose_white_space_around_them(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na, x \n", encoding="utf-8")
    assert rows_of(tmp_path / "t.csv") == [Row("a", "x")]


def test_json_lines_end_at_newlines_only(tmp_path: Path) -> None:
    """Unicode's other line breaks are legal inside a JSON string."""
    text = "one\u2028two\u0085three"
    (tmp_path / "t.jsonl").write_text(
        json.dumps({"text": text, "label": "x"}, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    assert rows_of(tmp_path / "t.jsonl") == [Row(text, "x")]


def test_columns_go_by_name_and_others_are_left(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,intent,utterance\n1,x,hello\n", encoding="utf-8")
    assert rows_of(tmp_path / "t.csv", text="utterance", label="intent") == [Row("hello", "x")]


def test_without_a_label_column_rows_have_no_label(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text\nhello\n", encoding="utf-8")
    assert read_table(tmp_path / "t.csv", text_column="text", label_column=None) == [Row("hello", None)]


@pytest.mark.parametrize("cells", ["one, two,x\nfine,y", "fine,y\none, two,x", "fine,y\nalone"])
def test_a_csv_row_of_another_width_is_refused_wherever_it_stands(tmp_path: Path, cells: str) -> None:
    """An unquoted comma must never shift texts into the label column."""
    (tmp_path / "t.csv").write_text(f"text,label\n{cells}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"line \d.*[13] cells.*2"):
        rows_of(tmp_path / "t.csv")


def test_a_file_alone_is_the_train_split(tmp_path: Path) -> None:
    assert read_splits(written(tmp_path / "any.jsonl", ROWS), text_column="text", label_column="label") == {
        "train": ROWS
    }


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train.csv", "validation.csv", "test.csv"], ["test", "train", "validation"]),
        (["training.jsonl", "val.csv"], ["train", "validation"]),
        (["Train.parquet", "dev.jsonl", "testing.csv"], ["test", "train", "validation"]),
        (["train-00000-of-00001.parquet", "valid.csv", "README.md", "notes.csv"], ["train", "validation"]),
    ],
)
def test_a_folder_gives_the_splits_that_its_names_tell(tmp_path: Path, names: list[str], splits: list[str]) -> None:
    for name in names:
        written(tmp_path / name, [Row(name, "x")]) if not name.endswith(".md") else (tmp_path / name).write_text(
            "read me"
        )
    found = read_splits(tmp_path, text_column="text", label_column="label")
    assert sorted(found) == splits
    assert found["train"] == [Row(names[0], "x")]
