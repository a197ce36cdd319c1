"""What single steps answer to bad input: one line, exit code 2, and no output where a good one is expected."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.constants
import pandas as pd
import pytest
from transformers import AlbertConfig, AlbertForSequenceClassification, BertForSequenceClassification

from components.capture_signals.component import capture_signals
from components.prepare_data.component import prepare_data
from components.resolve_data.component import resolve_data
from components.train_teacher.component import train_teacher
from pipeline.settings import FORM
from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import PreparationOptions, SourceOptions, TeacherOptions
from spectral_distill.storage import uris as storage
from spectral_distill.tracking import pipeline_run as tracking
from tests.support.dataset import LABELS
from tests.support.models import tiny_tokenizer
from tests.support.profiles import profile_of

StepRefuses = Callable[..., str]
Says = Callable[[str, list[str]], None]


def artifact(path: Path) -> SimpleNamespace:
    """What a component's function sees of an artifact."""
    return SimpleNamespace(path=str(path), metadata={})


# resolve_data

NEITHER_FOLDER_NOR_HUB = ["no such folder", "demo:minilm", "s3://", "models:/", "runs:/", "owner/name"]

# id: (changed inputs, fragments of the answer)
REQUESTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "missing data": ({"data": "no.csv"}, ["no.csv: no such file or folder", "s3://bucket/key"]),
    "missing log": ({"data_unlabelled": "no.csv"}, ["no.csv: no such file or folder"]),
    "missing strangers": ({"data_out_of_scope": "no.csv"}, ["no.csv: no such file or folder"]),
    "no data": ({"data": ""}, ["data", "''", "text with at least 1 character"]),
    "unknown demo": ({"data": "demo:banking"}, ["data demo:banking: unknown demo data", "demo:bike-share or"]),
    "bad hub address": ({"data": "hf://a/b/c"}, ["data hf://a/b/c: expected hf://owner/name"]),
    "no hub for data": (
        {"data": "hf://a/b"},
        ["data hf://a/b: not a local path, and no hub can be reached", "check the path"],
    ),
    "a place to publish that cannot be": (
        {"promotion_publish_to": "/dev/null/students"},
        ["/dev/null/students: cannot be written", "choose another folder"],
    ),
    "S3 without bucket": ({"data": "s3:///key"}, ["s3:///key", "no bucket", "s3://bucket/key"]),
    "missing teacher": ({"teacher": "no/such/folder"}, ["checkpoint no/such/folder", *NEITHER_FOLDER_NOR_HUB]),
    "no hub for the teacher": (
        {"teacher": "a/b"},
        ["checkpoint a/b: not a local path, and no hub can be reached", "check the path"],
    ),
    "teacher's name too long": ({"teacher": "/" + "x" * 300}, [*NEITHER_FOLDER_NOR_HUB]),
    "model without MLflow": (
        {"teacher": "models:/m@best"},
        ["models:/m@best: MLFLOW_TRACKING_URI is not set; name the server"],
    ),
    "model version without MLflow": (
        {"teacher": "models:/m/3"},
        ["models:/m/3: MLFLOW_TRACKING_URI is not set; name the server"],
    ),
    "settings that are no object": ({"advanced": [1]}, ["advanced", "[1]", "a JSON object of settings"]),
    "an advanced setting that does not exist": (
        {"advanced": {"teacher_sed": 1}},
        ["advanced: unknown setting 'teacher_sed'", "'teacher_seed'"],
    ),
    "an advanced setting out of bounds": (
        {"advanced": {"latency_batches": 1}},
        ["latency_batches", "1", "greater than or equal to 5"],
    ),
    "a parameter of its own among the advanced": (
        {"advanced": {"teacher_epochs": 3}},
        ["advanced", "'teacher_epochs', which is a parameter of its own"],
    ),
    "more candidates than a run holds": (
        {"candidates": [{"strategy": "last", "layers": 1, "seed": seed} for seed in range(51)]},
        ["candidates", "51", "at most 50", "split them over several runs"],
    ),
    "no candidates": ({"candidates": []}, ["candidates", "[]", "a JSON list of at least one object"]),
    "more layers than the demo": (
        {"candidates": [{"strategy": "last", "layers": 7}]},
        ["candidates[0]: layers", "7", "at most 6, the teacher's depth"],
    ),
    "more pairs than the demo": (
        {"candidates": [{"strategy": "average_pairs", "layers": 6}]},
        [
            "candidates[0]: average_pairs",
            "6 layers",
            "at most 5",
            "the number of neighbouring pairs in 6 teacher layers",
        ],
    ),
    "strategy that is not on this machine": (
        {"candidates": [{"strategy": "elsewhere.mine:best", "layers": 3}]},
        ["candidates[0]: strategy: elsewhere.mine:best: cannot be imported (", "on the Python path"],
    ),
    "missing student": (
        {"candidates": [{"strategy": "last", "layers": 3, "student": "no/such/folder"}]},
        ["checkpoint no/such/folder", *NEITHER_FOLDER_NOR_HUB],
    ),
    "layers that the demo lacks": (
        {"candidates": [{"strategy": "manual", "layers": 3, "teacher_layers": [-1, 0, 6]}]},
        ["candidates[0]: teacher_layers", "[-1, 6]", "numbers from 0 to 5"],
    ),
}


def parameters(folder: Path, **changes: Any) -> dict[str, Any]:
    """What the pipeline hands to `resolve_data`."""
    defaults = {name: field.default for name, field in FORM.items()}
    return {**defaults, "advanced": {}, "run_name": "a run", "summary": artifact(folder / "summary.md"), **changes}


def resolve(step_refuses: StepRefuses, **changes: Any) -> str:
    return step_refuses(resolve_data, **parameters(Path.cwd(), **changes))


@pytest.mark.parametrize(("changes", "fragments"), REQUESTS.values(), ids=REQUESTS)
def test_request(
    step_refuses: StepRefuses, says: Says, monkeypatch: pytest.MonkeyPatch, place: Path, changes: dict[str, Any],
    fragments: list[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    says(resolve(step_refuses, **changes), ["error: resolve_data: ", *fragments])
    assert list(place.iterdir()) == []


def test_more_layers_than_a_local_teacher(step_refuses: StepRefuses, says: Says, tiny_checkpoint: Path) -> None:
    line = resolve(step_refuses, teacher=str(tiny_checkpoint), candidates=[{"strategy": "last", "layers": 5}])
    says(line, ["candidates[0]: layers", "5", "at most 4, the teacher's depth"])


def test_more_layers_than_a_local_checkpoint_to_start_from(
    step_refuses: StepRefuses, says: Says, tiny_checkpoint: Path
) -> None:
    wanted = {"strategy": "last", "layers": 5, "student": str(tiny_checkpoint)}
    line = resolve(step_refuses, candidates=[wanted])
    says(line, ["candidates[0]: layers", "5", f"at most 4, the depth of {tiny_checkpoint}"])


@pytest.mark.parametrize("config", ["[]", '{"num_hidden_layers": "four"}', "{"], ids=["list", "words", "broken"])
def test_a_teacher_whose_depth_cannot_be_read_waits_for_its_step(place: Path, config: str) -> None:
    (place / "config.json").write_text(config)
    expected = storage.version(str(place))
    found = resolve_data.python_func(**parameters(place, teacher=str(place)))
    assert found.teacher_settings["version"] == expected


def test_unknown_alias(step_refuses: StepRefuses, says: Says, monkeypatch: pytest.MonkeyPatch, mlflow_uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    line = resolve(step_refuses, teacher="models:/intents@best")
    says(line, ["models:/intents@best: the registry has no such model or alias", "MLFLOW_TRACKING_URI"])


def test_mlflow_that_cannot_be_reached(step_refuses: StepRefuses, says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    says(resolve(step_refuses), ["MLflow at http://127.0.0.1:9: not reachable", "MLFLOW_TRACKING_URI"])


def test_a_store_that_breaks_does_not_hide_the_steps_own_answer(
    place: Path, monkeypatch: pytest.MonkeyPatch, mlflow_uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    with pytest.raises(UserError, match="bad input"), tracking.task_run("a step", role="task"):
        Path(mlflow_uri.removeprefix("sqlite:///")).write_bytes(b"no database any more" * 1000)
        raise UserError("bad input")


# prepare_data

GOOD_ROWS = "".join(f"{label} {index},{label}\n" for index in range(6) for label in ("lock", "find"))
GOOD_TABLE = "text,label\n" + GOOD_ROWS


def objects(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


# id: (files; one alone is the data itself, more are a folder of splits; fragments of the answer)
TABLES: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "empty file": ({"t.csv": ""}, ["t.csv: the file is empty", "a header and texts"]),
    "empty jsonl": ({"t.jsonl": "\n"}, ["t.jsonl", "no column 'text'", "none", "data_text_column"]),
    "header only": ({"t.csv": "text,label\n"}, ["t.csv", "no rows", "texts"]),
    "wrong extension": ({"t.xlsx": "x"}, ["t.xlsx", "file type .xlsx", ".csv, .jsonl or .parquet"]),
    "no extension": ({"table": "x"}, ["table", "file type none", ".csv, .jsonl or .parquet"]),
    "no text column": (
        {"t.csv": "utterance,label\na,x\n"},
        ["t.csv", "no column 'text'", "utterance, label", "data_text_column"],
    ),
    "no label column": (
        {"t.csv": "text,intent\na,x\n"},
        ["t.csv", "no column 'label'", "text, intent", "data_label_column"],
    ),
    "column twice": (
        {"t.csv": "text,label,text\na,x,b\n"},
        ["t.csv", "column 'text' more than once", "it once"],
    ),
    "not UTF-8": (
        {"t.csv": b"text,label\ncaf\xe9,x\n"},
        ["t.csv", "bytes that are not UTF-8 at 14"],
    ),
    "UTF-16": (
        {"t.csv": GOOD_TABLE.encode("utf-16")},
        ["t.csv", "bytes that are not UTF-8 at 0"],
    ),
    "jsonl not UTF-8": (
        {"t.jsonl": b'{"text": "caf\xe9", "label": "x"}\n'},
        ["t.jsonl", "bytes that are not UTF-8 at 13"],
    ),
    "csv row too long": (
        {"t.csv": "text,label\na, b,x\nc,y\n"},
        ["t.csv: line 2", "3 cells", "2 as in the header"],
    ),
    "csv row too short": (
        {"t.csv": GOOD_TABLE + "alone\n"},
        ["t.csv: line 14", "1 cells", "2 as in the header"],
    ),
    "csv quote left open": (
        {"t.csv": 'text,label\n"a,x\nb,y\n'},
        ["t.csv: not a readable csv file ("],
    ),
    "broken JSON line": (
        {"t.jsonl": objects({"text": "a", "label": "x"}) + "{'text': 'b'}\n"},
        ["t.jsonl: line 2 is not JSON (", "expected one object a line"],
    ),
    "JSON line no object": (
        {"t.jsonl": '[{"text": "a", "label": "x"}]\n'},
        ["t.jsonl: line 1", "list", "an object"],
    ),
    "text a number": (
        {"t.jsonl": objects({"text": "a", "label": "x"}, {"text": 5, "label": "y"})},
        ["t.jsonl: row 2", "text 5", "a string"],
    ),
    "half a character": (
        {"t.jsonl": '{"text": "a\\ud800", "label": "x"}\n'},
        ["t.jsonl: row 1", "text 'a\\ud800'", "a string"],
    ),
    "null label": (
        {"t.jsonl": objects({"text": "a", "label": "x"}, {"text": "b", "label": None})},
        ["t.jsonl: row 2", "label None", "a name or number"],
    ),
    "empty label": ({"t.csv": "text,label\na,x\nb, \n"}, ["t.csv: row 2", "label ' '", "a name or number"]),
    "list as label": (
        {"t.jsonl": objects({"text": "a", "label": ["x"]})},
        ["t.jsonl: row 1", "label ['x']", "a name or number"],
    ),
    "corrupt parquet": (
        {"t.parquet": b"PAR1 but no more"},
        ["t.parquet: not a readable parquet file ("],
    ),
    "all texts empty": (
        {"t.csv": "text,label\n ,x\n,y\n"},
        ["train split: all 2 texts are empty", "data_text_column"],
    ),
    "one label": (
        {"t.csv": "text,label\na,x\nb,x\n"},
        ["train split", "1 label(s) (x)", "at least 2", "data_label_column"],
    ),
    "label with one text": (
        {"t.csv": GOOD_TABLE + "alone,rare\n"},
        [
            "train split: label 'rare' has 1 text(s) (1 such label(s))",
            "at least 4",
        ],
    ),
    "texts as labels": (
        {"t.csv": "text,label\n" + "".join(f"{n},text {n}\n" for n in range(8))},
        ["train split", "8 different labels in 8 texts", "few", "data_label_column"],
    ),
    "every text under two labels": (
        {"t.csv": "text,label\na,x\nA,y\nb,x\nb!,y\n"},
        ["train split: each of its 2 texts has several labels", "one label a text"],
    ),
    "empty folder": (
        {"notes.md": "x", "other.csv": GOOD_TABLE},
        ["found notes.md, other.csv", "train.csv, train.jsonl or"],
    ),
    "folder without train": (
        {"test.csv": GOOD_TABLE, "val.csv": GOOD_TABLE},
        ["found test.csv, val.csv", "train.csv"],
    ),
    "two files for a split": (
        {"train.csv": GOOD_TABLE, "dev.csv": GOOD_TABLE, "val.csv": GOOD_TABLE},
        ["found dev.csv and val.csv", "one file for validation"],
    ),
    "label only in test": (
        {"train.csv": GOOD_TABLE, "test.csv": "text,label\nz,pay\n"},
        ["test split: label 'pay' (1 such label(s)) never occurs in train"],
    ),
    "label only in validation": (
        {"train.csv": GOOD_TABLE, "dev.csv": "text,label\nz,pay\n"},
        ["validation split: label 'pay' (1 such label(s)) never occurs in train"],
    ),
    "train all in test": (
        {"train.csv": GOOD_TABLE, "test.csv": GOOD_TABLE.upper().replace("TEXT,LABEL", "text,label")},
        ["train split: every text is in validation or test too", "separate texts"],
    ),
    "validation all in test": (
        {"train.csv": GOOD_TABLE, "dev.csv": "text,label\nz!,lock\n", "test.csv": "text,label\nz,lock\n"},
        ["validation split: every text is in test too", "separate texts"],
    ),
    "test all empty": (
        {"train.csv": GOOD_TABLE, "test.csv": "text,label\n ,lock\n"},
        ["test split: all 1 texts are empty"],
    ),
}


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """The files; the path of the one or of their folder."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / next(iter(files)) if len(files) == 1 else folder


def prepare(
    step_refuses: StepRefuses, target: Path, data: Path, strangers: Path | None = None, log: Path | None = None,
    **changes: Any,
) -> str:  # fmt: skip
    sources = {"data": data, "data_out_of_scope": strangers, "data_unlabelled": log}
    settings = {
        **{name: str(path or "") for name, path in sources.items()},
        **PreparationOptions().model_dump(),
        "versions": {name: storage.version(str(path)) if path else "" for name, path in sources.items()},
    }
    return step_refuses(prepare_data, settings=settings | changes, dataset=artifact(target))


@pytest.mark.parametrize(("files", "fragments"), TABLES.values(), ids=TABLES)
def test_table(
    step_refuses: StepRefuses,
    says: Says,
    tmp_path: Path,
    place: Path,
    files: dict[str, str | bytes],
    fragments: list[str],
) -> None:
    data = write(tmp_path / "data", files)
    says(prepare(step_refuses, place / "prepared", data), ["error: prepare_data: ", *fragments])
    assert list(place.iterdir()) == []


def test_parquet_with_numbers_as_texts(step_refuses: StepRefuses, says: Says, tmp_path: Path) -> None:
    pd.DataFrame({"text": [1, 2], "label": ["x", "y"]}).to_parquet(tmp_path / "t.parquet")
    line = prepare(step_refuses, tmp_path / "prepared", tmp_path / "t.parquet")
    says(line, ["t.parquet: row 1", "text 1", "a string"])


@pytest.mark.parametrize(
    ("files", "fragments"),
    [
        (
            {"s.csv": "text\nLock 0!\nfind 1\n"},
            ["s.csv: every text is in the data too", "texts that belong to no class"],
        ),
        ({"s.csv": 'text\n" "\n""\n'}, ["s.csv: all 2 texts are empty", "data_text_column"]),
        ({"s.csv": "words\nhello\n"}, ["s.csv", "no column 'text'", "words", "data_text_column"]),
        (
            {"a.csv": "text\nx\n", "b.csv": "text\ny\n"},
            ["strangers", "a folder", "one .csv, .jsonl or .parquet file"],
        ),
    ],
    ids=["all known", "all empty", "no text column", "folder"],
)
def test_strangers(
    step_refuses: StepRefuses, says: Says, tmp_path: Path, files: dict[str, str | bytes], fragments: list[str]
) -> None:
    data, strangers = write(tmp_path / "data", {"t.csv": GOOD_TABLE}), write(tmp_path / "strangers", files)
    says(prepare(step_refuses, tmp_path / "prepared", data, strangers), fragments)
    assert not (tmp_path / "prepared").exists()


def test_unlabelled_texts_that_are_all_known(step_refuses: StepRefuses, says: Says, tmp_path: Path) -> None:
    data, log = write(tmp_path / "data", {"t.csv": GOOD_TABLE}), write(tmp_path / "log", {"l.csv": "text\nLock 0!\n"})
    line = prepare(step_refuses, tmp_path / "prepared", data, log=log)
    says(line, ["l.csv: every text is in the data too", "further texts"])
    assert not (tmp_path / "prepared").exists()


def test_data_that_changed_in_between(step_refuses: StepRefuses, says: Says, tmp_path: Path) -> None:
    data = write(tmp_path / "data", {"t.csv": GOOD_TABLE})
    line = prepare(
        step_refuses, tmp_path / "prepared", data, versions=dict.fromkeys(SourceOptions.model_fields, "sha256:0")
    )
    says(line, ["t.csv: it changed after this run looked it up"])


def test_a_setting_out_of_bounds(step_refuses: StepRefuses, says: Says, tmp_path: Path) -> None:
    """A KFP backend hands settings to a step that no command line has checked."""
    data = write(tmp_path / "data", {"t.csv": GOOD_TABLE})
    line = prepare(step_refuses, tmp_path / "prepared", data, data_test_share=0.9)
    says(line, ["data_test_share", "0.9", "less than 0.5"])


def test_a_refusal_leaves_the_last_good_result(step_refuses: StepRefuses, tmp_path: Path) -> None:
    target = tmp_path / "prepared"
    target.mkdir()
    (target / "good").write_text("good")
    data = write(tmp_path / "data", {"t.csv": "text,label\n"})
    prepare(step_refuses, target, data)
    assert [path.name for path in target.iterdir()] == ["good"]


# train_teacher


def drop(folder: Path, pattern: str) -> None:
    for file in folder.glob(pattern):
        file.unlink()


def change_config(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_short(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])


def without_padding(folder: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)


def without_a_layer_list(folder: Path) -> None:
    sizes = {
        "hidden_size": 8,
        "embedding_size": 4,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 8,
    }
    drop(folder, "model.safetensors")
    AlbertForSequenceClassification(AlbertConfig(vocab_size=len(tiny_tokenizer()), **sizes)).save_pretrained(folder)


def with_labels(*labels: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        BertForSequenceClassification.from_pretrained(folder, id2label=dict(enumerate(labels))).save_pretrained(folder)

    return change


# id: (what is wrong with the folder, changed inputs, fragments of the answer)
TEACHERS: dict[str, tuple[Callable[[Path], None], dict[str, Any], list[str]]] = {
    "no config.json": (
        lambda at: drop(at, "config.json"),
        {},
        ["teacher", "no config.json", "a folder made by save_pretrained"],
    ),
    "pickled weights": (pickled, {}, ["teacher", "pytorch_model.bin", "*.safetensors"]),
    "no weights": (
        lambda at: drop(at, "*.safetensors"),
        {},
        ["teacher", "no weights", "*.safetensors"],
    ),
    "no tokenizer": (
        lambda at: drop(at, "token*"),
        {},
        ["teacher", "no tokenizer", "one of tokenizer.json", "save the tokenizer"],
    ),
    "weights cut short": (
        cut_short,
        {},
        ["teacher: cannot be loaded (SafetensorError: ", "expected a transformers encoder in safetensors"],
    ),
    "broken tokenizer": (
        lambda at: (at / "tokenizer.json").write_text("{"),
        {},
        ["teacher: cannot be loaded (", "safetensors with its tokenizer"],
    ),
    "broken config.json": (
        lambda at: (at / "config.json").write_text("{"),
        {},
        ["teacher: ", "expected a folder made by save_pretrained"],
    ),
    "weights of another width": (
        lambda at: change_config(at, intermediate_size=48),
        {},
        ["teacher", "no fitting weights for bert.", "such weights), expected"],
    ),
    "fewer weights than layers": (
        lambda at: change_config(at, num_hidden_layers=6),
        {},
        ["teacher", "no fitting weights for bert.encoder.layer.4.", "(32 such weights)"],
    ),
    "unknown kind of model": (
        lambda at: change_config(at, model_type="magic"),
        {},
        ["teacher: ", "`magic`", "expected a folder made by"],
    ),
    "no list of layers": (
        without_a_layer_list,
        {},
        [
            "model architecture AlbertForSequenceClassification",
            "no list of encoder layers",
            "use an encoder such as",
        ],
    ),
    "no padding token": (without_padding, {}, ["its tokenizer has no padding token"]),
    "more tokens than positions": (
        lambda at: None,
        {"teacher_max_tokens": 65},
        ["teacher_max_tokens", "65", "at most 64, the limit of"],
    ),
    "other labels": (
        with_labels("a", "b"),
        {"teacher_fine_tune": False},
        [
            "teacher: its 2 labels differ from the data's 4: missing cancel, refund, track and 1 more, extra a, b",
            "fine-tune it",
        ],
    ),
    "a misspelt label": (
        with_labels("cancel", "refunds", "track", "upgrade"),
        {"teacher_fine_tune": False},
        [
            "differ from the data's 4: missing refund, extra refunds",
            "'refunds'",
        ],
    ),
    "labels without a head": (
        lambda at: change_config(at, id2label=dict(enumerate(LABELS))),
        {"teacher_fine_tune": False},
        ["teacher", "no fitting weights for classifier.bias (2 such weights), expected"],
    ),
    "zero epochs": (
        lambda at: None,
        {"teacher_epochs": 0},
        ["teacher_epochs", "0", "greater than or equal to 1"],
    ),
    "changed in between": (
        lambda at: None,
        {"version": "sha256:0"},
        ["teacher: it changed after this run looked it up"],
    ),
    "missing": (
        lambda at: None,
        {"teacher": "no/such/folder"},
        ["checkpoint no/such/folder", *NEITHER_FOLDER_NOR_HUB],
    ),
}


@pytest.mark.parametrize(("spoil", "changes", "fragments"), TEACHERS.values(), ids=TEACHERS)
def test_teacher(
    step_refuses: StepRefuses, says: Says, tmp_path: Path, place: Path, tiny_checkpoint: Path, prepared: Path,
    spoil: Callable[[Path], None], changes: dict[str, Any], fragments: list[str],
) -> None:  # fmt: skip
    folder = tmp_path / "teacher"
    shutil.copytree(tiny_checkpoint, folder)
    spoil(folder)
    settings = {
        "teacher": str(folder), "version": storage.version(str(folder)),
        **TeacherOptions(teacher_max_tokens=16, teacher_epochs=1).model_dump(),
    }  # fmt: skip
    outputs = {name: artifact(place / name)
               for name in ("teacher", "teacher_evaluation", "metrics", "confusion_matrix")}  # fmt: skip
    line = step_refuses(train_teacher, settings=settings | changes, dataset=artifact(prepared), **outputs)
    says(line, ["error: train_teacher: ", *fragments])
    assert list(place.iterdir()) == []


# capture_signals


OWN_STRATEGIES = """
def one_too_few(profile, candidate):
    return [[(0, 1.0)]] * (candidate.layers - 1)


def too_deep(profile, candidate):
    return [[(profile.depth, 1.0)]] * candidate.layers
"""

# id: (candidates beside a good one, fragments of the answer)
SELECTIONS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "more layers than the teacher": (
        [{"strategy": "spectral_intensity", "layers": 4}],
        ["layers", "4", "at most 3, the teacher's depth"],
    ),
    "layers that the teacher lacks": (
        [{"strategy": "manual", "layers": 1, "teacher_layers": [3]}],
        ["teacher_layers", "[3]", "numbers from 0 to 2"],
    ),
    "as many pairs as layers": (
        [{"strategy": "weighted_pairs", "layers": 3}],
        ["weighted_pairs", "3 layers", "at most 2, the number of neighbouring pairs in 3 teacher layers"],
    ),
    "strategy that is not installed here": (
        [{"strategy": "elsewhere", "layers": 2}],
        ["candidates[1]: strategy", "'elsewhere'", "an installed one or package.module:function"],
    ),
    "module that is not installed here": (
        [{"strategy": "elsewhere.mine:best", "layers": 2}],
        ["candidates[1]: strategy: elsewhere.mine:best: cannot be imported (", "on the Python path"],
    ),
    "own strategy of too few layers": (
        [{"strategy": "own_strategies:one_too_few", "layers": 2}],
        ["strategy own_strategies:one_too_few", "1 layers", "2"],
    ),
    "own strategy beyond the teacher": (
        [{"strategy": "own_strategies:too_deep", "layers": 2}],
        ["strategy own_strategies:too_deep", "[(3, 1.0)]", "teacher layers from 0 to 2"],
    ),
}


@pytest.mark.parametrize(("candidates", "fragments"), SELECTIONS.values(), ids=SELECTIONS)
def test_selection(
    step_refuses: StepRefuses, says: Says, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch,
    candidates: list[dict[str, Any]], fragments: list[str],
) -> None:  # fmt: skip
    (tmp_path / "own_strategies.py").write_text(OWN_STRATEGIES)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "profile").mkdir()
    profile_of([1.0, 2.0, 3.0]).save(tmp_path / "profile")
    line = step_refuses(
        capture_signals,
        settings={"candidates": [{"strategy": "last", "layers": 1}, *candidates], "student_versions": {}},
        dataset=artifact(tmp_path / "unread"),
        teacher=artifact(tmp_path / "unread"),
        profile=artifact(tmp_path / "profile"),
        signals=artifact(place / "signals"),
    )
    says(line, ["error: capture_signals: ", *fragments])
    assert list(place.iterdir()) == []
