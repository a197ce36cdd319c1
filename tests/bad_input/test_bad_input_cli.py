"""What the command line answers to bad input: one line, exit code 2, nothing made."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.refusals import one_line

Refused = Callable[..., str]
Says = Callable[[str, list[str]], None]

UNREACHABLE = "http://127.0.0.1:9"

# id: (content of the settings file, fragments of the answer)
SETTINGS_FILES: dict[str, tuple[bytes, list[str]]] = {
    "misspelt": (b"teacher_epocs: 3\n", ["unknown setting 'teacher_epocs'", "did you mean 'teacher_epochs'?"]),
    "unknown": (b"zzz: 3\n", ["unknown setting 'zzz'", "known: ", "teacher_epochs"]),
    "two wrong": (
        b"teacher_epochs: 0\nzzz: 1\n",
        ["teacher_epochs", "0", "greater than or equal to 1", "; unknown setting 'zzz'"],
    ),
    "text for a number": (b"student_epochs: many\n", ["student_epochs", "'many'", "a valid integer"]),
    "nothing for a number": (b"student_epochs:\n", ["student_epochs", "None", "a valid integer"]),
    "list for a text": (b"data: [a.csv, b.csv]\n", ["data", "['a.csv', 'b.csv']", "a valid string"]),
    "candidates as text": (b"candidates: uniform\n", ["candidates", "'uniform'", "a valid list"]),
    "not YAML": (b"a: [1, 2\nb: 3\n", ["settings file settings.yaml: cannot be read (", "line 2", "YAML"]),
    "not text": (b"\xff\xfe\x00\x01", ["settings file settings.yaml: cannot be read (", "YAML"]),
    "a list": (b"- 1\n- 2\n", ["settings file settings.yaml", "list", "names and values"]),
    "a word": (b"hello\n", ["settings file settings.yaml", "str", "names and values"]),
}

# id: (arguments after `run`, fragments of the answer)
OPTIONS: dict[str, tuple[list[str], list[str]]] = {
    "unknown option": (["--epochs", "3"], ["No such option '--epochs'", "--student-epochs", "--teacher-epochs"]),
    "option without value": (["--data"], ["Option '--data' requires an argument"]),
    "no such settings file": (["--settings", "nope.yaml"], ["settings file nope.yaml: no such file"]),
    "a folder as settings file": (
        ["--settings", "."],
        ["settings file .: cannot be read (", "Is a directory", "expected YAML"],
    ),
    "zero epochs": (["--teacher-epochs", "0"], ["teacher_epochs", "'0'", "greater than or equal to 1"]),
    "too many epochs": (
        ["--student-epochs", "1001"],
        ["student_epochs", "'1001'", "less than or equal to 1000"],
    ),
    "half an epoch": (["--student-epochs", "1.5"], ["student_epochs", "'1.5'", "a valid integer"]),
    "zero learning rate": (
        ["--teacher-learning-rate", "0"],
        ["teacher_learning_rate", "'0'", "greater than 0"],
    ),
    "huge learning rate": (
        ["--student-learning-rate", "1"],
        ["student_learning_rate", "'1'", "less than 1"],
    ),
    "learning rate NaN": (
        ["--teacher-learning-rate", "nan"],
        ["teacher_learning_rate", "'nan'", "a finite number"],
    ),
    "zero batch": (
        ["--student-batch-size", "0"],
        ["student_batch_size", "'0'", "greater than or equal to 1"],
    ),
    "half for test": (["--data-test-share", "0.5"], ["data_test_share", "'0.5'", "less than 0.5"]),
    "nothing for validation": (
        ["--data-validation-share", "0"],
        ["data_validation_share", "'0'", "greater than 0"],
    ),
    "same column twice": (
        ["--data-text-column", "label"],
        ["data_text_column and data_label_column", "'label' for both", "two columns"],
    ),
    "column without name": (
        ["--data-label-column", ""],
        ["data_label_column", "''", "text with at least 1 character"],
    ),
    "negative seed": (
        ["--data-split-seed", "-1"],
        ["data_split_seed", "'-1'", "greater than or equal to 0"],
    ),
    "three tokens": (
        ["--teacher-max-tokens", "3"],
        ["teacher_max_tokens", "'3'", "greater than or equal to 4"],
    ),
    "neither true nor false": (
        ["--teacher-fine-tune", "maybe"],
        ["teacher_fine_tune", "'maybe'", "a valid boolean"],
    ),
    "certainty": (["--comparison-confidence", "1"], ["comparison_confidence", "'1'", "less than 1"]),
    "less than a coin": (
        ["--comparison-confidence", "0.4"],
        ["comparison_confidence", "'0.4'", "greater than or equal to 0.5"],
    ),
    "negative margin": (
        ["--promotion-margin", "-0.1"],
        ["promotion_margin", "'-0.1'", "greater than or equal to 0"],
    ),
    "negative budget": (
        ["--promotion-latency-budget-ms", "-1"],
        ["promotion_latency_budget_ms", "'-1'", "greater than or equal to 0"],
    ),
    "too few batches": (
        ["--latency-batches", "1"],
        ["latency_batches", "'1'", "greater than or equal to 5"],
    ),
    "model name with a slash": (
        ["--promotion-model", "a/b"],
        ["promotion_model", "'a/b'", "text that matches"],
    ),
    "no data": (["--data", ""], ["data", "''", "text with at least 1 character"]),
}

GOOD = {"strategy": "uniform", "layers": 3}

# id: (the option's value, or what to write as JSON, fragments of the answer)
CANDIDATES: dict[str, tuple[Any, list[str]]] = {
    "not JSON": ("[{strategy: uniform}]", ["candidates: not JSON (", "expected a list such as", '"strategy"']),
    "an object": (GOOD, ["candidates", "{'strategy': 'uniform', 'layers': 3}", "a valid list"]),
    "empty": ([], ["candidates", "[]", "a JSON list of at least one object"]),
    "a number inside": ([GOOD, 1], ["candidates[1]", "1", "names and values"]),
    "no strategy": ([{"layers": 3}], ["candidates[0]: strategy: missing; give it a value"]),
    "no layers": ([GOOD, {"strategy": "last"}], ["candidates[1]: layers: missing; give it a value"]),
    "unknown strategy": (
        [{"strategy": "unifrm", "layers": 3}],
        [
            "candidates[0]: strategy",
            "'unifrm'",
            "an installed one or package.module:function",
            "'uniform'",
        ],
    ),
    "strategy like no other": (
        [{"strategy": "zzz", "layers": 3}],
        ["candidates[0]: strategy", "'zzz'", "activation_norm,", "uniform", "weighted_pairs"],
    ),
    "strategy as number": (
        [{"strategy": 3, "layers": 3}],
        ["candidates[0]: strategy", "3", "a valid string"],
    ),
    "strategy in no module": (
        [GOOD, {"strategy": "nowhere.at_all:f", "layers": 3}],
        [
            "candidates[1]: strategy: nowhere.at_all:f: cannot be imported (ModuleNotFoundError: No module named",
            "package.module:function on the Python path",
        ],
    ),
    "strategy not in its module": (
        [{"strategy": "json:select", "layers": 3}],
        ["candidates[0]: strategy: json:select: cannot be imported (", "'json'", "'select'", "expected package.module"],
    ),
    "strategy that is no function": (
        [{"strategy": "os:sep", "layers": 3}],
        ["candidates[0]: strategy: os:sep", "str", "a function"],
    ),
    "strategy without a function": (
        [{"strategy": "json:", "layers": 3}],
        ["candidates[0]: strategy: json:: cannot be imported (", "expected package.module:function"],
    ),
    "unknown key": (
        [{**GOOD, "temprature": 2}],
        ["candidates[0]: unknown setting 'temprature'", "'temperature'"],
    ),
    "no layer at all": (
        [{**GOOD, "layers": 0}],
        ["candidates[0]: layers", "0", "greater than or equal to 1"],
    ),
    "layers as text": ([{**GOOD, "layers": "few"}], ["candidates[0]: layers", "'few'", "a valid integer"]),
    "twice the same": (
        [GOOD, {**GOOD, "seed": 1}, GOOD],
        ["candidates[2]: same as candidates[0] (uniform-3L-s0)"],
    ),
    "manual without layers": (
        [{"strategy": "manual", "layers": 2}],
        ["candidates[0]: teacher_layers: expected exactly with strategy 'manual'"],
    ),
    "layers without manual": (
        [{**GOOD, "teacher_layers": [0, 1, 2]}],
        ["candidates[0]: teacher_layers: expected exactly with strategy 'manual'"],
    ),
    "manual with another count": (
        [{"strategy": "manual", "layers": 2, "teacher_layers": [0, 1, 2]}],
        ["candidates[0]: teacher_layers", "3 entries for 2 layers"],
    ),
    "manual with half a layer": (
        [{"strategy": "manual", "layers": 2, "teacher_layers": [0, 1.5]}],
        ["candidates[0]: teacher_layers[1]", "1.5", "a valid integer"],
    ),
    "nothing to learn from": (
        [{**GOOD, "ce_weight": 0, "kl_weight": 0}],
        ["candidates[0]: ce_weight and kl_weight", "0 and 0", "one above 0"],
    ),
    "negative temperature": (
        [{**GOOD, "temperature": -1}],
        ["candidates[0]: temperature", "-1", "greater than 0"],
    ),
    "unknown alignment": (
        [{**GOOD, "alignment": "magic"}],
        [
            "candidates[0]: alignment",
            "'magic'",
            "'none', 'hidden_mse', 'cosine', 'spectral', 'magnitude'",
            "'log_magnitude', 'band_limited', 'token_axis' or 'pooled'",
        ],
    ),
    "negative alignment weight": (
        [{**GOOD, "alignment": "cosine", "alignment_weight": -0.5}],
        ["candidates[0]: alignment_weight", "-0.5", "greater than 0"],
    ),
    "negative final alignment weight": (
        [{**GOOD, "alignment": "cosine", "final_alignment_weight": -1}],
        ["candidates[0]: final_alignment_weight", "-1", "greater than or equal to 0"],
    ),
    "no final temperature": (
        [{**GOOD, "final_temperature": 0}],
        ["candidates[0]: final_temperature", "0", "greater than 0"],
    ),
    "final temperature too hot": (
        [{**GOOD, "final_temperature": 101}],
        ["candidates[0]: final_temperature", "101", "less than or equal to 100"],
    ),
    "final temperature NaN": (
        '[{"strategy": "uniform", "layers": 3, "final_temperature": NaN}]',
        ["candidates[0]: final_temperature", "nan", "a finite number"],
    ),
    "no bins": (
        [{**GOOD, "alignment": "band_limited", "alignment_bins": 0}],
        ["candidates[0]: alignment_bins", "0", "greater than or equal to 1"],
    ),
    "half a bin": (
        [{**GOOD, "alignment": "band_limited", "alignment_bins": 2.5}],
        ["candidates[0]: alignment_bins", "2.5", "a valid integer"],
    ),
    "layers aligned by number": (
        [{**GOOD, "alignment": "cosine", "aligned_layers": 2}],
        ["candidates[0]: aligned_layers", "2", "'all' or 'last'"],
    ),
    "the first layers aligned": (
        [{**GOOD, "alignment": "cosine", "aligned_layers": "first"}],
        ["candidates[0]: aligned_layers", "'first'", "'all' or 'last'"],
    ),
    "student as number": ([{**GOOD, "student": 7}], ["candidates[0]: student", "7", "a valid string"]),
    "two wrong in one": (
        [{**GOOD, "temperature": 0, "alignment_bin": 4}],
        ["candidates[0]: temperature", "0", "greater than 0", "unknown setting 'alignment_bin'; did you"],
    ),
}


@pytest.mark.parametrize(("content", "fragments"), SETTINGS_FILES.values(), ids=SETTINGS_FILES)
def test_settings_file(refused: Refused, says: Says, place: Path, content: bytes, fragments: list[str]) -> None:
    (place / "settings.yaml").write_bytes(content)
    says(refused("run", "--settings", "settings.yaml"), fragments)
    assert [path.name for path in place.iterdir()] == ["settings.yaml"]


@pytest.mark.parametrize(("arguments", "fragments"), OPTIONS.values(), ids=OPTIONS)
def test_option(refused: Refused, says: Says, place: Path, arguments: list[str], fragments: list[str]) -> None:
    says(refused("run", *arguments), fragments)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(("value", "fragments"), CANDIDATES.values(), ids=CANDIDATES)
def test_candidates(refused: Refused, says: Says, place: Path, value: Any, fragments: list[str]) -> None:
    says(refused("run", "--candidates", value if isinstance(value, str) else json.dumps(value)), fragments)
    assert list(place.iterdir()) == []


def test_command_line_wins_over_the_settings_file_even_when_wrong(refused: Refused, says: Says, place: Path) -> None:
    (place / "settings.yaml").write_text("teacher_epochs: 3\n")
    says(refused("run", "--settings", "settings.yaml", "--teacher-epochs", "-3"), ["teacher_epochs", "'-3'"])


def test_unknown_command(refused: Refused, says: Says) -> None:
    says(refused("train"), ["No such command 'train'"])


def test_workspace_that_is_a_file(refused: Refused, says: Says, place: Path) -> None:
    (place / "runs").write_text("mine")
    line = refused("run", "--workspace", "runs")
    says(line, [f"workspace {place / 'runs'}: cannot be written ("])
    assert (place / "runs").read_text() == "mine"


def test_workspace_below_python3(refused: Refused, says: Says, place: Path) -> None:
    line = refused("run", "--workspace", "python3/runs")
    says(line, ["workspace ", "python3/runs: kfp.local cannot run below a path with 'python3' in it"])
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("output", ["pipeline.txt", "no/such/folder/pipeline.yaml"])
def test_compile_to_a_bad_path(refused: Refused, says: Says, place: Path, output: str) -> None:
    says(
        refused("compile", "--output", output), [f"--output {output}: ", "expected a writable path that ends in .yaml"]
    )
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("command", [["compare"], ["predict", "hello"]], ids=["compare", "predict"])
def test_workspace_without_runs(refused: Refused, says: Says, place: Path, command: list[str]) -> None:
    says(
        refused(*command, "--workspace", "w"),
        [f"workspace {place / 'w'}", "no runs", "or check --workspace"],
    )
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "fragments"),
    [
        (["compare"], ["found no students of any run", "`spectral-distill run`"]),
        (["compare", "--run", "x"], ["found no students of pipeline run x", "`spectral-distill run`"]),
        (
            ["predict", "hello"],
            ["--model", "no run that registered a model"],
        ),
        (
            ["predict", "hello", "--model", "m@"],
            ["--model", "'m@'", "name, name/3, name@alias or models:/name@alias"],
        ),
        (
            ["predict", "hello", "--model", "m"],
            ["models:/m@champion: the registry has no such model or alias"],
        ),
    ],
    ids=" ".join,
)
def test_mlflow_without_what_is_asked(
    refused: Refused,
    says: Says,
    monkeypatch: pytest.MonkeyPatch,
    mlflow_uri: str,
    command: list[str],
    fragments: list[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    says(refused(*command), fragments)


@pytest.mark.parametrize("command", [["compare"], ["predict", "hello"]], ids=["compare", "predict"])
@pytest.mark.parametrize(
    ("uri", "fragments"),
    [
        (UNREACHABLE, [f"MLflow at {UNREACHABLE}: not reachable", "MLFLOW_TRACKING_URI"]),
        ("http://me:secret@127.0.0.1:9", [f"MLflow at {UNREACHABLE}: not reachable"]),
        (
            "ftp://host",
            ["MLflow at ftp://host: no address of a server or database", "http(s)://host or sqlite:///file"],
        ),
        (
            "sqlite:////dev/null/mlflow.db",
            ["MLflow at sqlite:////dev/null/mlflow.db: cannot be opened", "folder that can be written"],
        ),
    ],
    ids=["unreachable", "with a password", "no MLflow address", "a database that cannot be"],
)
def test_mlflow_that_does_not_answer(
    refused: Refused, says: Says, monkeypatch: pytest.MonkeyPatch, command: list[str], uri: str, fragments: list[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    line = refused(*command)
    says(line, fragments)
    assert "secret" not in line


def test_predict_with_an_empty_text(
    refused: Refused, says: Says, monkeypatch: pytest.MonkeyPatch, mlflow_uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    says(refused("predict", "hello", " ", "--model", "m"), ["text 2", "an empty text", "words"])


def test_predict_without_a_text(refused: Refused, says: Says) -> None:
    says(refused("predict"), ["Missing argument 'TEXTS...'"])


# The installed command, in a process of its own; the last two go through the real graph.


def installed_command(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "KFP_"))}
    return subprocess.run(
        [str(Path(sys.executable).with_name("spectral-distill")), *arguments],
        cwd=place, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_installed_command_refuses(says: Says, place: Path) -> None:
    answer = installed_command(place, "run", "--teacher-epochs", "0")
    assert (answer.returncode, answer.stdout) == (2, "")
    says(one_line(answer.stderr), ["error: teacher_epochs", "'0'", "greater than or equal to 1"])
    assert list(place.iterdir()) == []


def test_installed_command_without_a_command_shows_the_help(place: Path) -> None:
    answer = installed_command(place)
    assert answer.returncode == 2
    assert answer.stderr.startswith("Usage: spectral-distill ")
    assert "predict" in answer.stderr


@pytest.mark.parametrize(
    ("table", "step", "fragments"),
    [
        (None, "resolve_data", ["intents.csv: no such file or folder", "s3://bucket/key"]),
        (
            "text,label\na,x\nb,x\n",
            "prepare_data",
            ["train split", "1 label(s) (x)", "at least 2", "data_label_column"],
        ),
    ],
    ids=["missing data", "one label"],
)
def test_a_step_of_a_run_refuses(says: Says, place: Path, table: str | None, step: str, fragments: list[str]) -> None:
    if table is not None:
        (place / "intents.csv").write_text(table)
    answer = installed_command(place, "run", "--data", "intents.csv", "--workspace", "w")
    assert answer.returncode == 2
    says(one_line(answer.stderr), [f"error: {step}: ", *fragments])
    artifacts = [path.name for path in (place / "w" / "artifacts").rglob("*")]
    assert not {"prepared", "data_card.json"} & set(artifacts)
