"""Trainings that were finished, changed, crashed, killed and stopped early: each ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainingArguments

from spectral_distill.models.linear_probe import start_from_probe
from spectral_distill.tracking.pipeline_run import Run
from spectral_distill.training.cache import Training, digest
from spectral_distill.training.cache_folder import VARIABLE
from spectral_distill.training.trainer import ClassifierTrainer, tokenized
from tests.support.checkout import ROOT
from tests.support.dataset import intents, split_of
from tests.support.models import same_weights
from tests.support.mortal_training import EPOCHS, SCHEDULE, STEPS_PER_EPOCH, Mortal, tiny_model, train

MORTAL = "tests.support.mortal_training"
SHORT = SCHEDULE.model_copy(update={"epochs": 1})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of trainings, as a run names it."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "trainings"))
    return tmp_path / "trainings"


class Notebook(Run):
    """Keeps what MLflow would get."""

    def __init__(self) -> None:
        super().__init__(None)
        self.written: list[tuple[int, dict[str, Any]]] = []

    def curves(self, points) -> None:
        self.written += [(step, dict(values)) for step, values in points if values]


class Crash(Exception):
    """What interrupts a training within a process."""


class Counting(ClassifierTrainer):
    """Keeps how many GPUs it trains on."""

    gpus: set[int]

    def batch_loss(self, inputs, model):
        self.gpus.add(self.args.n_gpu)
        return super().batch_loss(inputs, model)


def test_of_several_gpus_one_is_used(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(TrainingArguments, "n_gpu", property(lambda _: 2))
    Counting.gpus = set()
    train(tiny_model(), Counting, schedule=SHORT)
    assert Counting.gpus == {1}


# -- finished ---------------------------------------------------------------------------------------------------------


def test_a_finished_training_is_not_done_again(root, tmp_path, capsys):
    Mortal.steps = tmp_path / "steps"
    first, again, notes = tiny_model(), tiny_model(), [Notebook(), Notebook()]
    histories = [train(it, Mortal, run) for it, run in zip((first, again), notes, strict=True)]
    assert steps_in(Mortal.steps) == [*range(1, EPOCHS * STEPS_PER_EPOCH + 1)]
    assert same_weights(first.model.state_dict(), again.model.state_dict())
    assert not same_weights(first.model.state_dict(), tiny_model().model.state_dict())
    assert histories[0] == histories[1]
    assert notes[0].written == notes[1].written
    assert {name for _, values in notes[1].written for name in values} == {
        "train.loss", "validation.loss", "validation.accuracy"
    }  # fmt: skip
    assert not again.model.training
    assert "trained before" in capsys.readouterr().err
    assert not list(root.glob("*/checkpoint-*")), "checkpoints of a finished training only take space"


def test_a_trained_model_answers_as_a_loaded_one(monkeypatch):
    """Accelerate's bfloat16 around its forward would colour every score that is taken afterwards."""
    monkeypatch.delenv(VARIABLE, raising=False)
    trained, loaded = tiny_model(), tiny_model(seed=1)
    train(trained, schedule=SHORT)
    loaded.model.load_state_dict(trained.model.state_dict())
    texts = [text for text, _ in intents()[:40]]
    assert (trained.logits(texts) == loaded.logits(texts)).all()


def test_without_a_folder_of_trainings_everything_is_done_again(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    Mortal.steps = tmp_path / "steps"
    first, again = tiny_model(), tiny_model()
    for classifier in (first, again):
        train(classifier, Mortal, schedule=SHORT)
    assert steps_in(Mortal.steps) == [1, 2, 3, 4, 5] * 2
    assert same_weights(first.model.state_dict(), again.model.state_dict())


# -- changed ----------------------------------------------------------------------------------------------------------


def other_texts(index: int) -> Any:
    rows = intents()[1:41] if index == 0 else intents()[97:121]
    return tokenized(tiny_model(), split_of(rows))


class Another(ClassifierTrainer):
    """Another objective, by its name."""


CHANGES: dict[str, Any] = {
    "train": lambda: {"train": other_texts(0)},
    "validation": lambda: {"validation": other_texts(1)},
    "learning rate": lambda: {"schedule": SHORT.model_copy(update={"learning_rate": 1e-3})},
    "seed": lambda: {"schedule": SHORT.model_copy(update={"seed": 2})},
    "patience": lambda: {"schedule": SHORT.model_copy(update={"patience": 1})},
    "best by": lambda: {"schedule": SHORT.model_copy(update={"best_by": "loss"})},
    "probe": lambda: {"probe": split_of(intents()[:40])},
    "objective": lambda: {"trainer": Another},
    "setting": lambda: {"decided_by": {"temperature": 3.0}},
    "recorded tensor": lambda: {"decided_by": {"logits": torch.ones(3)}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_decides_the_result_makes_another_training(change, root):
    train(tiny_model(), schedule=SHORT)
    train(tiny_model(), **{"schedule": SHORT} | CHANGES[change]())
    assert len(list(root.iterdir())) == 2


def test_other_weights_to_start_from_make_another_training(root):
    train(tiny_model(), schedule=SHORT)
    train(tiny_model(seed=1), schedule=SHORT)
    assert len(list(root.iterdir())) == 2


def test_another_configuration_of_the_model_makes_another_training(root):
    """The weights to start from are the same with any dropout."""
    train(tiny_model(), schedule=SHORT)
    sober = tiny_model()
    sober.model.config.hidden_dropout_prob = 0.0
    train(sober, schedule=SHORT)
    assert len(list(root.iterdir())) == 2


def test_what_a_training_leaves_in_the_configuration_makes_no_other(root, tmp_path):
    """A teacher that was trained and one that was found done look alike to its students."""
    first, again = tiny_model(), tiny_model()
    for teacher in (first, again):
        train(teacher, schedule=SHORT)
        train(teacher, schedule=SHORT)
    assert len(list(root.iterdir())) == 2


def test_the_digest_feels_one_bit_and_no_order():
    weights = {"a": torch.zeros(3), "b": torch.ones(2, 2).bfloat16()}
    name = digest(weights, {"seed": 1, "tensor": torch.tensor(1.0)})
    assert digest(dict(reversed(weights.items())), {"tensor": torch.tensor(1.0), "seed": 1}) == name
    nearly = {**weights, "a": torch.tensor([0.0, 0.0, 1e-45])}
    others = [(nearly, 1, 1.0), (weights, 2, 1.0), (weights, "1", 1.0), (weights, 1, 1.0000001)]
    found = {digest(each, {"seed": seed, "tensor": torch.tensor(value)}) for each, seed, value in others}
    assert len(found | {name}) == 5


# -- crashed ----------------------------------------------------------------------------------------------------------


class Fragile(Mortal):
    """Crashes once, in a chosen step, without the end of the process."""

    crash_in = 0

    def batch_loss(self, inputs, model):
        found = super().batch_loss(inputs, model)
        if model.training and self.state.global_step + 1 == Fragile.crash_in:
            Fragile.crash_in = 0
            raise Crash
        return found


@pytest.mark.parametrize("broken", ["", '{"global_step": 10, "log_'], ids=["empty", "cut"])
def test_an_incomplete_checkpoint_is_ignored(broken, root, tmp_path):
    Mortal.steps, Fragile.crash_in = tmp_path / "steps", 2 * STEPS_PER_EPOCH + 2
    with pytest.raises(Crash):
        train(tiny_model(), Fragile)
    [folder] = root.iterdir()
    whole = folder / f"checkpoint-{2 * STEPS_PER_EPOCH}"
    assert Training(folder).latest_checkpoint() == str(whole)
    later = folder / f"checkpoint-{3 * STEPS_PER_EPOCH}"
    later.mkdir()
    (later / "model.safetensors").write_bytes(b"begun")
    assert Training(folder).latest_checkpoint() == str(whole)
    (later / "trainer_state.json").write_text(broken)
    assert Training(folder).latest_checkpoint() == str(whole)
    Mortal.steps.write_text("")
    resumed = tiny_model()
    train(resumed, Fragile)
    assert steps_in(Mortal.steps) == [*range(2 * STEPS_PER_EPOCH + 1, EPOCHS * STEPS_PER_EPOCH + 1)]
    assert close(resumed.model.state_dict(), uninterrupted_weights())


def test_a_training_that_goes_on_tells_its_whole_curve(root, tmp_path):
    """The rerun may write below a new run in MLflow."""
    Mortal.steps, Fragile.crash_in = tmp_path / "steps", 2 * STEPS_PER_EPOCH + 2
    with pytest.raises(Crash):
        train(tiny_model(), Fragile)
    resumed, whole = Notebook(), Notebook()
    train(tiny_model(), Fragile, resumed)
    train(tiny_model(), Fragile, whole)  # finished now: its history is told
    assert resumed.written == whole.written
    assert {step for step, _ in resumed.written} >= {STEPS_PER_EPOCH, EPOCHS * STEPS_PER_EPOCH}


def test_checkpoints_are_ordered_by_number_not_by_name(tmp_path):
    for step in (5, 10, 100, 20):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    assert Training(tmp_path).latest_checkpoint() == str(tmp_path / "checkpoint-100")


def test_a_folder_without_checkpoints_starts_from_the_beginning(tmp_path):
    assert Training(tmp_path).latest_checkpoint() is None
    assert not Training(tmp_path).is_finished


def test_a_head_is_probed_where_a_training_begins_and_nowhere_else(root, tmp_path, capsys):
    """Not to find a training done, which goes by the weights before; not to go on, which takes a checkpoint's."""
    probe = split_of(intents()[:40])
    Mortal.steps, Fragile.crash_in = tmp_path / "steps", 2 * STEPS_PER_EPOCH + 2
    with pytest.raises(Crash):
        train(tiny_model(), Fragile, probe=probe)
    assert "what=probe" in capsys.readouterr().err
    resumed, done = tiny_model(), tiny_model()
    for classifier in (resumed, done):
        train(classifier, Fragile, probe=probe)
        assert "what=probe" not in capsys.readouterr().err
    whole = tiny_model()
    start_from_probe(whole, probe)
    train(whole, Fragile)
    assert close(resumed.model.state_dict(), whole.model.state_dict())
    assert same_weights(resumed.model.state_dict(), done.model.state_dict())


# -- killed -----------------------------------------------------------------------------------------------------------


def start(root: Path, name: str, *moment: str) -> subprocess.Popen[bytes]:
    """The training as its own process; its files are `name.safetensors`, `name.json` and `name.steps` beside root."""
    files = [str(root.with_name(f"{name}.safetensors")), str(root.with_name(f"{name}.steps"))]
    return subprocess.Popen(
        [sys.executable, "-m", MORTAL, *files, *moment],
        env={**os.environ, VARIABLE: str(root), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def kill_when_a_second_checkpoint_appears(process: subprocess.Popen[bytes], root: Path) -> None:
    deadline = time.monotonic() + 120
    while not list(root.glob(f"*/checkpoint-{2 * STEPS_PER_EPOCH}")):
        assert time.monotonic() < deadline and process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.001)
    process.kill()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the training that nobody kills, in a process of its own."""
    root = tmp_path_factory.mktemp("uninterrupted") / "trainings"
    assert start(root, "whole").wait(120) == 0
    return root.with_name("whole.safetensors")


# A checkpoint is four files by torch.save (settings, optimizer, learning rate, random numbers): 6 is in the second.
@pytest.mark.slow
@pytest.mark.parametrize("moment", ["step:8", "save:6", "folder"])
def test_a_killed_training_ends_with_the_same_weights(moment, uninterrupted, tmp_path):
    root = tmp_path / "trainings"
    process = start(root, "killed", *([moment] if moment != "folder" else []))
    if moment == "folder":
        kill_when_a_second_checkpoint_appears(process, root)
    assert process.wait(120) == -signal.SIGKILL
    assert not (tmp_path / "killed.safetensors").exists()
    assert start(root, "again").wait(120) == 0
    assert close(load_file(tmp_path / "again.safetensors"), load_file(uninterrupted))

    before, after = steps_in(tmp_path / "killed.steps"), steps_in(tmp_path / "again.steps")
    assert before[-1] >= STEPS_PER_EPOCH, "killed after the first epoch"
    assert after[0] in (STEPS_PER_EPOCH + 1, 2 * STEPS_PER_EPOCH + 1), "goes on after a checkpoint"
    assert after == [*range(after[0], EPOCHS * STEPS_PER_EPOCH + 1)]
    assert len(set(before) & set(after)) <= STEPS_PER_EPOCH, "at most one epoch is done twice"

    histories = [json.loads(file.with_suffix(".json").read_text()) for file in (tmp_path / "again", uninterrupted)]
    assert curve(histories[0]) == pytest.approx(curve(histories[1]), abs=1e-6)


@pytest.mark.slow
def test_two_tasks_with_the_same_training_do_it_once(uninterrupted, tmp_path):
    """As candidates whose strategies choose the same layers, side by side on a cluster."""
    tasks = [start(tmp_path / "trainings", name) for name in ("one", "two")]
    assert [task.wait(120) for task in tasks] == [0, 0]
    done = [steps_in(tmp_path / f"{name}.steps") for name in ("one", "two") if (tmp_path / f"{name}.steps").exists()]
    assert done == [[*range(1, EPOCHS * STEPS_PER_EPOCH + 1)]]
    for name in ("one", "two"):
        assert close(load_file(tmp_path / f"{name}.safetensors"), load_file(uninterrupted))


def test_training_is_worth_comparing(uninterrupted):
    """The weights that the tests above compare have moved, and another order of texts gives others."""
    weights = load_file(uninterrupted)
    assert not close(weights, tiny_model().model.state_dict(), 1e-2)
    other = tiny_model()
    train(other, schedule=SCHEDULE.model_copy(update={"seed": 2}))
    assert not close(weights, other.model.state_dict(), 1e-3)


# -- stopped early ----------------------------------------------------------------------------------------------------


class Scripted(Mortal):
    """Its validation scores, losses and numbers of right texts, follow a script, one entry an epoch; it keeps the
    weights that each epoch ended with."""

    losses: tuple[float, ...] = ()
    right: tuple[int, ...] = ()
    weights: dict[int, dict[str, torch.Tensor]]

    def batch_loss(self, inputs, model):
        loss, outputs = super().batch_loss(inputs, model)
        if model.training:
            return loss, outputs
        epoch = round(self.state.epoch)
        Scripted.weights[epoch] = {name: value.clone() for name, value in without_words(model).items()}
        answers = torch.nn.functional.one_hot(inputs["labels"], len(outputs.logits[0])).float()
        right = self.right[epoch - 1] if self.right else 0
        outputs.logits = torch.where(torch.arange(len(answers))[:, None] < right, answers, -answers)
        return loss.new_tensor(self.losses[epoch - 1]), outputs


@pytest.fixture
def script(tmp_path):
    """Set the script of validation scores."""

    def write(*losses: float, right: tuple[int, ...] = ()) -> None:
        Scripted.losses, Scripted.right, Scripted.weights = losses, right, {}
        Mortal.steps = tmp_path / "steps"
        Mortal.steps.write_text("")

    return write


def without_words(model) -> dict[str, torch.Tensor]:
    """Its weights but for word embeddings, of which training holds those in use alone."""
    return {name: value for name, value in model.state_dict().items() if "word_embeddings" not in name}


def epochs_of(history: list[dict[str, Any]]) -> list[int]:
    return [round(entry["epoch"]) for entry in history if "eval_loss" in entry]


@pytest.mark.parametrize(
    ("losses", "patience", "trained", "kept"),
    [
        ((1.0, 0.5, 0.9, 0.8, 0.1, 0.2), 2, 4, 2),  # nothing better in 3 and 4: 5 is never seen
        ((1.0, 0.5, 0.9, 0.8, 0.1, 0.2), 3, 6, 5),
        ((1.0, 0.5, 0.9, 0.8, 0.1, 0.2), 0, 6, 5),
        ((1.0, 1.1, 0.9, 1.0, 0.8, 0.9), 2, 6, 5),  # every better epoch starts the waiting anew
        ((0.5, 0.5, 0.5, 0.5, 0.5, 0.5), 1, 2, 1),  # as good is not better
    ],
)
def test_patience_ends_a_training_and_the_best_epoch_is_kept(losses, patience, trained, kept, script):
    script(*losses)
    schedule = SCHEDULE.model_copy(update={"epochs": 6, "patience": patience, "best_by": "loss"})
    classifier = tiny_model()
    history = train(classifier, Scripted, schedule=schedule)
    assert epochs_of(history) == [*range(1, trained + 1)]
    assert steps_in(Mortal.steps)[-1] == trained * STEPS_PER_EPOCH
    assert same_weights(without_words(classifier.model), Scripted.weights[kept])
    assert all(not same_weights(one, other) for one, other in pairwise(Scripted.weights.values()))


@pytest.mark.parametrize(("best_by", "kept"), [("accuracy", 2), ("loss", 3)])
def test_the_best_epoch_is_told_by_the_chosen_score(best_by, kept, script):
    script(1.0, 0.9, 0.1, 0.5, right=(0, 24, 0, 0))
    classifier = tiny_model()
    train(classifier, Scripted, schedule=SCHEDULE.model_copy(update={"best_by": best_by}))
    assert same_weights(without_words(classifier.model), Scripted.weights[kept])


@pytest.mark.parametrize(
    ("right", "kept"),
    [
        ((10, 20, 19, 15), 3),  # of 24 texts the standard error of 20 is 1.8
        ((10, 20, 19, 18), 3),
        ((10, 20, 18, 19), 4),
        ((20, 19, 18, 19), 4),  # the measure is the highest, not the one kept last
        ((20, 19, 18, 17), 2),
        ((24, 23, 23, 23), 1),
        ((24, 23, 24, 23), 3),
    ],
)
def test_by_accuracy_the_latest_epoch_within_a_standard_error_is_kept(right, kept, script):
    script(1.0, 1.0, 1.0, 1.0, right=right)
    classifier = tiny_model()
    train(classifier, Scripted, schedule=SCHEDULE.model_copy(update={"epochs": 4}))
    assert same_weights(without_words(classifier.model), Scripted.weights[kept])


PATIENT = SCHEDULE.model_copy(update={"epochs": 6, "patience": 2, "best_by": "loss"})


def test_patience_is_not_forgotten_by_a_crash(root, script):
    """The crash comes in epoch 4, after one of the two epochs that it waits for."""

    class Crashing(Scripted, Fragile): ...

    script(1.0, 0.5, 0.9, 0.8, 0.1, 0.2)
    Fragile.crash_in = 3 * STEPS_PER_EPOCH + 2
    with pytest.raises(Crash):
        train(tiny_model(), Crashing, schedule=PATIENT)
    classifier = tiny_model()
    history = train(classifier, Crashing, schedule=PATIENT)
    assert epochs_of(history) == [1, 2, 3, 4]
    assert close(without_words(classifier.model), Scripted.weights[2])


@pytest.mark.parametrize(("where", "method"), [(ClassifierTrainer, "_load_best_model"), (Training, "finish")])
def test_a_training_that_had_stopped_stays_stopped(where, method, root, script, monkeypatch):
    """It crashes between its last checkpoint and the saving of its result."""

    def crash(*_: object) -> None:
        raise Crash

    script(1.0, 0.5, 0.9, 0.8, 0.1, 0.2)
    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(where, method, crash)
        train(tiny_model(), Scripted, schedule=PATIENT)
    classifier = tiny_model()
    history = train(classifier, Scripted, schedule=PATIENT)
    assert steps_in(Mortal.steps) == [*range(1, 4 * STEPS_PER_EPOCH + 1)]
    assert epochs_of(history) == [1, 2, 3, 4]
    assert close(without_words(classifier.model), Scripted.weights[2])


# -- helpers ----------------------------------------------------------------------------------------------------------


def steps_in(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()]


def curve(history: list[dict[str, Any]]) -> list[float]:
    """Losses and validation scores in the order that they were logged, without times."""
    names = ("step", "loss", "eval_loss", "eval_accuracy", "learning_rate")
    return [entry[name] for entry in history for name in names if name in entry]


def close(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], tolerance: float = 1e-6) -> bool:
    assert first.keys() == second.keys()
    return all(torch.allclose(first[name], second[name], rtol=0, atol=tolerance) for name in first)


def uninterrupted_weights() -> dict[str, torch.Tensor]:
    """The same training in this process, where nothing is kept of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(VARIABLE, raising=False)
        classifier = tiny_model()
        train(classifier, Fragile)
    return classifier.model.state_dict()
