"""How tasks get into containers: what they are given, what they are not, and how their end is told."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.local.docker_runner import docker_runner, find_image, with_absolute_paths
from pipeline.local.workspace import open_workspace
from spectral_distill.core.errors import UserError
from spectral_distill.run_settings import Settings


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a table, a log, a teacher, a student's checkpoint, an empty home and a workspace."""
    for folder in ("teacher", "checkpoint", "home", "runs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "intents.csv").write_text("text,label\n")
    (tmp_path / "log.csv").write_text("text\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith(("AWS_", "MLFLOW_", "REQUESTS_", "SSL_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def run_arguments(settings: Settings, place: Path, environment: Mapping[str, str] | None = None) -> dict:
    return docker_runner(settings, open_workspace(str(place / "runs")), environment or {}).container_run_args


def mounts(arguments: dict) -> dict[str, tuple[str, bool]]:
    """Path in the container: path here, and whether it can only be read."""
    return {mount["Target"]: (mount["Source"], mount["ReadOnly"]) for mount in arguments["mounts"]}


def test_named_files_and_folders_are_mounted_for_reading_and_the_workspace_for_writing(place: Path):
    settings = Settings(
        data="intents.csv",
        data_out_of_scope="s3://bucket/key",
        data_unlabelled="log.csv",
        teacher="~/../teacher",
        candidates=[{"strategy": "uniform", "layers": 2, "student": "checkpoint"}, {"strategy": "last", "layers": 1}],
    )
    found = mounts(run_arguments(with_absolute_paths(settings), place))
    named = ("intents.csv", "log.csv", "teacher", "checkpoint")
    expected = {str(place / name): (str(place / name), True) for name in named}
    assert found == {**expected, str(place / "runs"): (str(place / "runs"), False)}


def test_paths_become_absolute_and_other_addresses_stay(place: Path):
    candidates = [{"strategy": "uniform", "layers": 2, "student": "checkpoint"}]
    settings = with_absolute_paths(Settings(data="intents.csv", teacher="owner/name", candidates=candidates))
    assert settings.data == str(place / "intents.csv")
    assert settings.data_out_of_scope == ""
    assert settings.teacher == "owner/name"
    assert settings.candidates == [{**candidates[0], "student": str(place / "checkpoint")}]


def test_the_folder_to_publish_to_is_made_and_mounted_for_writing(place: Path):
    found = mounts(run_arguments(with_absolute_paths(Settings(promotion_publish_to="shipped/here")), place))
    assert (place / "shipped" / "here").is_dir()
    assert found[str(place / "shipped" / "here")] == (str(place / "shipped" / "here"), False)


def test_a_folder_to_publish_to_that_cannot_be_made(place: Path):
    with pytest.raises(
        UserError, match=r"promotion_publish_to .*/intents.csv/here: cannot be made \(Not a directory\)"
    ):
        run_arguments(with_absolute_paths(Settings(promotion_publish_to="intents.csv/here")), place)


def test_nothing_is_made_for_publishing_elsewhere(place: Path):
    settings = with_absolute_paths(Settings(promotion_publish_to="s3://bucket/students"))
    assert settings.promotion_publish_to == "s3://bucket/students"
    assert mounts(run_arguments(settings, place)).keys() == {str(place / "runs")}


def test_tasks_get_addresses_and_credentials_and_nothing_else(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    monkeypatch.setenv("A_PASSWORD_OF_THE_USER", "password")
    given = run_arguments(Settings(), place, {"KFP_RUN_ID": "run-1"})["environment"]
    assert given.items() >= {
        "AWS_SECRET_ACCESS_KEY": "key", "MLFLOW_TRACKING_URI": "http://localhost:5000", "KFP_RUN_ID": "run-1",
    }.items()  # fmt: skip
    assert given.keys().isdisjoint({"A_PASSWORD_OF_THE_USER", "PATH", "HOME", "PYTHONPATH"})


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_CBWR"])
def test_tasks_compute_as_this_machine_does(place: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(name, "1")
    assert run_arguments(Settings(), place)["environment"][name] == "1"


def test_files_that_the_environment_names_are_there_too(place: Path, monkeypatch: pytest.MonkeyPatch):
    bundle = place / "bundle.pem"
    bundle.touch()
    (place / "home" / ".aws").mkdir()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    found = mounts(run_arguments(Settings(), place))
    assert found[str(bundle)] == (str(bundle), True)
    assert found["/tmp/.aws"] == (str(place / "home" / ".aws"), True)


def test_containers_are_as_closed_as_a_cluster_s_pods(place: Path):
    arguments = run_arguments(Settings(), place)
    assert arguments["read_only"] is True
    assert arguments["tmpfs"].keys() == {"/tmp"}
    assert arguments["cap_drop"] == ["ALL"]
    assert arguments["security_opt"] == ["no-new-privileges"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_root_works_for_the_owner_of_the_workspace(place: Path):
    os.chown(place / "runs", 1234, 5678)
    assert run_arguments(Settings(), place)["user"] == "1234:5678"


def test_no_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with pytest.raises(UserError, match=r"--runner docker: no Docker daemon answers .*--runner sub"):
        find_image("spectral-distill:1")
