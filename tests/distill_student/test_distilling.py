"""Students taught for real, by a tiny teacher on tiny intents."""

from pathlib import Path

import pyarrow as pa
import pytest
import torch
from datasets import DatasetDict
from helpers import LABELS, MAX_TOKENS, NO_RUN, same_weights
from transformers import TrainingArguments

from components.capture_signals.capturing import capture
from components.capture_signals.options import SignalOptions
from components.distill_student.distilling import DistillationTrainer, distill, distill_and_save
from components.distill_student.losses import complex_spectral, distillation_kl, hidden_mse
from components.distill_student.options import StudentOptions
from components.foundation.candidates import Candidate
from components.foundation.errors import UserError
from components.foundation.intents import save_intents
from components.foundation.layer_stack import depth, shallow_copy_of
from components.foundation.selection import Selection
from components.foundation.signals import Signals
from components.foundation.student import candidate_of, read_description
from components.foundation.text_model import TextClassifier, load_classifier
from components.foundation.training import Schedule, collator, fit, tokenized

SELECTION = Selection(strategy="manual", depth=4, layers=[[(0, 0.3), (1, 0.7)], [(3, 1.0)]])
OPTIONS = StudentOptions(student_epochs=2, student_learning_rate=3e-3, student_batch_size=16)


def candidate(alignment: str = "none", **others) -> Candidate:
    return Candidate(**{"strategy": "manual", "layers": 2, "teacher_layers": [1, 3], "alignment": alignment} | others)


@pytest.fixture(scope="module")
def teacher(tiny_checkpoint: Path, tiny_data: DatasetDict) -> TextClassifier:
    """A teacher that has learnt the tiny intents."""
    torch.manual_seed(0)
    classifier = load_classifier(tiny_checkpoint, max_tokens=MAX_TOKENS, labels=LABELS)
    schedule = Schedule(epochs=8, learning_rate=3e-3, batch_size=16, seed=0)
    train, validation = tokenized(classifier, tiny_data["train"]), tokenized(classifier, tiny_data["validation"])
    fit(classifier, train=train, validation=validation, schedule=schedule, run=NO_RUN, what="teach", new_head=True)
    return classifier


@pytest.fixture(scope="module")
def recorded(teacher: TextClassifier, tiny_data: DatasetDict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The teacher's signals with hidden states."""
    return signals_of(teacher, tiny_data, tmp_path_factory.mktemp("signals") / "recorded", budget_gib=1)


@pytest.fixture(scope="module")
def logits_only(teacher: TextClassifier, tiny_data: DatasetDict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The teacher's signals where hidden states did not fit."""
    return signals_of(teacher, tiny_data, tmp_path_factory.mktemp("signals") / "logits", budget_gib=0)


def signals_of(teacher: TextClassifier, data: DatasetDict, target: Path, budget_gib: float) -> Path:
    wanted: list[object] = [{"strategy": "uniform", "layers": 2, "alignment": "spectral"}]
    capture(teacher, data, wanted, SignalOptions(signals_budget_gib=budget_gib), target)
    return target


def student_of(teacher, data, signals, wanted=None, options=OPTIONS) -> TextClassifier:
    return distill(
        teacher=teacher, data=data, signals=Signals(signals, data["train"]["id"]), selection=SELECTION,
        candidate=wanted or candidate(), options=options, run=NO_RUN,
    )  # fmt: skip


def trainer_of(model, signals, wanted, teacher, tmp_path) -> DistillationTrainer:
    return DistillationTrainer(
        model=model, new_head=False, candidate=wanted, selection=SELECTION, signals=signals,
        online_teacher=None if signals.has_hidden else teacher.model,
        args=TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none"),
    )  # fmt: skip


def untrained_student(teacher: TextClassifier):
    """The student before its first step, in training mode but without dropout, so that losses can be compared."""
    student = shallow_copy_of(teacher.model, SELECTION.layers).train()
    for module in student.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return student


def accuracy(classifier: TextClassifier, split) -> float:
    return float((classifier.logits(split["text"]).argmax(1) == split["label"]).mean())


def some_batch(teacher: TextClassifier, data: DatasetDict) -> dict[str, torch.Tensor]:
    """Training texts of several lengths, out of order."""
    rows = tokenized(teacher, data["train"])
    return collator(teacher)([rows[index] for index in (90, 2, 55, 12, 31)])


@pytest.mark.parametrize("alignment", ["hidden_mse", "spectral"])
def test_recorded_states_teach_as_the_teacher_itself(alignment, teacher, tiny_data, recorded, logits_only, tmp_path):
    student, batch = untrained_student(teacher), some_batch(teacher, tiny_data)
    wanted = candidate(alignment, alignment_weight=3.0)
    losses = []
    for folder in (recorded, logits_only):
        signals = Signals(folder, tiny_data["train"]["id"])
        with torch.no_grad():
            losses.append(float(trainer_of(student, signals, wanted, teacher, tmp_path).batch_loss(batch, student)[0]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)  # recorded in float16: 11 bits


@pytest.mark.parametrize(("alignment", "measure"), [("hidden_mse", hidden_mse), ("spectral", complex_spectral)])
def test_the_loss_is_the_weighted_sum_of_its_parts(alignment, measure, teacher, tiny_data, recorded, tmp_path):
    student, batch = untrained_student(teacher), some_batch(teacher, tiny_data)
    wanted = candidate(alignment, ce_weight=0.25, kl_weight=0.5, alignment_weight=2.0, temperature=3.0)
    trainer = trainer_of(student, Signals(recorded, tiny_data["train"]["id"]), wanted, teacher, tmp_path)
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "output_hidden_states": True}
    with torch.no_grad():
        loss, _ = trainer.batch_loss(batch, student)
        mine, theirs = student(**inputs), teacher.model(**inputs)
    targets = [0.3 * theirs.hidden_states[1] + 0.7 * theirs.hidden_states[2], theirs.hidden_states[4]]
    aligned = [
        measure(mine.hidden_states[layer + 1], target, batch["attention_mask"]) for layer, target in enumerate(targets)
    ]
    expected = (
        0.25 * torch.nn.functional.cross_entropy(mine.logits, batch["labels"])
        + 0.5 * distillation_kl(mine.logits, theirs.logits, 3.0)
        + 2.0 * (aligned[0] + aligned[1]) / 2
    )
    assert float(loss) == pytest.approx(float(expected), rel=1e-3)


def test_validation_measures_the_task_alone(teacher, tiny_data, recorded, tmp_path):
    student, batch = untrained_student(teacher).eval(), some_batch(teacher, tiny_data)
    trainer = trainer_of(student, Signals(recorded, tiny_data["train"]["id"]), candidate("spectral"), teacher, tmp_path)
    with torch.no_grad():
        loss, outputs = trainer.batch_loss(batch, student)
    assert float(loss) == pytest.approx(float(torch.nn.functional.cross_entropy(outputs.logits, batch["labels"])))


@pytest.mark.parametrize("alignment", ["none", "hidden_mse", "spectral"])
def test_training_lowers_the_loss(alignment, teacher, tiny_data, recorded):
    set_of = {name: tokenized(teacher, tiny_data[name]) for name in ("train", "validation")}
    student = TextClassifier(model=shallow_copy_of(teacher.model, SELECTION.layers), tokenizer=teacher.tokenizer)
    log = fit(
        student, **set_of, schedule=Schedule(epochs=6, learning_rate=3e-3, batch_size=16, seed=0), run=NO_RUN, what="t",
        trainer=DistillationTrainer, candidate=candidate(alignment), selection=SELECTION,
        signals=Signals(recorded, tiny_data["train"]["id"]), online_teacher=None,
    )  # fmt: skip
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert len(losses) == 36  # 96 texts in batches of 16, six times
    assert sum(losses[-6:]) < 0.7 * sum(losses[:6])
    assert [entry["epoch"] for entry in log if "eval_accuracy" in entry] == [1, 2, 3, 4, 5, 6]


def test_a_student_learns_from_its_teacher(teacher, tiny_data, recorded):
    options = StudentOptions(student_epochs=8, student_learning_rate=3e-3, student_batch_size=16)
    student = student_of(teacher, tiny_data, recorded, candidate(ce_weight=0), options)
    assert depth(student.model) == 2
    assert student.labels == LABELS
    assert not student.model.training
    assert accuracy(teacher, tiny_data["test"]) > 0.8  # chance is 0.25
    assert accuracy(student, tiny_data["test"]) > 0.7


def test_same_seed_same_weights_and_another_seed_others(teacher, tiny_data, recorded):
    wanted = [candidate("spectral", seed=seed) for seed in (3, 3, 4)]
    first, again, other = (student_of(teacher, tiny_data, recorded, it).model.state_dict() for it in wanted)
    assert same_weights(first, again)
    assert not same_weights(first, other)


@pytest.mark.parametrize("signals", ["recorded", "logits_only"])
def test_the_teacher_is_left_as_it_was(signals, teacher, tiny_data, request):
    before = {name: tensor.clone() for name, tensor in teacher.model.state_dict().items()}
    student_of(teacher, tiny_data, request.getfixturevalue(signals), candidate("spectral"))
    assert same_weights(before, teacher.model.state_dict())
    assert not teacher.model.training
    assert all(parameter.grad is None for parameter in teacher.model.parameters())


def test_an_online_teacher_says_so(teacher, tiny_data, logits_only, recorded, capsys):
    student_of(teacher, tiny_data, logits_only, candidate("spectral"))
    assert "the teacher runs in every training step" in capsys.readouterr().err
    student_of(teacher, tiny_data, logits_only, candidate("none"))
    student_of(teacher, tiny_data, recorded, candidate("spectral"))
    assert "the teacher runs in every training step" not in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_with_advice(teacher, tiny_data, recorded):
    signals = Signals(recorded, tiny_data["train"]["id"])
    signals.logits[40] = float("nan")
    with pytest.raises(UserError, match=r"the loss is nan at step \d, learning rate .*; lower the learning rate"):
        distill(
            teacher=teacher, data=tiny_data, signals=signals, selection=SELECTION, candidate=candidate(),
            options=OPTIONS, run=NO_RUN,
        )  # fmt: skip


def test_signals_are_the_teachers_answers(teacher, tiny_data, recorded):
    train = tiny_data["train"]
    signals = Signals(recorded, train["id"])
    tokens = sum(map(len, teacher.tokenize(train["text"])))
    known = {"texts": 96, "tokens": tokens, "depth": 4, "channels": 32, "hidden": True, "hidden_wanted": True}
    assert signals.facts.items() >= known.items()
    for index in (0, 17, 95):
        ids = torch.tensor(teacher.tokenize([train["text"][index]]))
        with torch.inference_mode():
            outputs = teacher.model(ids, output_hidden_states=True)
        torch.testing.assert_close(signals.logits[index], outputs.logits[0], atol=1e-4, rtol=1e-4)
        found = torch.tensor(signals.hidden(index)).float()
        torch.testing.assert_close(found, torch.cat(outputs.hidden_states[1:]), atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(("alignment", "budget"), [("none", 1), ("spectral", 0)])
def test_hidden_states_are_recorded_only_where_wanted_and_within_the_budget(
    alignment, budget, teacher, tiny_data, tmp_path, capsys
):
    wanted: list[object] = [{"strategy": "uniform", "layers": 2, "alignment": alignment}]
    facts = capture(teacher, tiny_data, wanted, SignalOptions(signals_budget_gib=budget), tmp_path / "signals")
    assert not facts["hidden"]
    assert facts["hidden_wanted"] == (alignment != "none")
    assert ("over the budget" in capsys.readouterr().err) == (budget == 0)
    with pa.memory_map(str(tmp_path / "signals" / "signals.arrow")) as stream:
        assert pa.ipc.open_file(stream).schema.names == ["id", "logits", "tokens"]


def test_a_student_on_disk_says_how_it_was_made(teacher, tiny_data, recorded, tmp_path):
    folders = {name: tmp_path / name for name in ("data", "teacher", "selection")}
    for folder in folders.values():
        folder.mkdir()
    save_intents(tiny_data, {}, folders["data"])
    teacher.save(folders["teacher"])
    SELECTION.save(folders["selection"])
    paths = {name: str(folder) for name, folder in folders.items()}
    target, wanted = tmp_path / "student", candidate("spectral", seed=5)
    distill_and_save(**paths, signals=str(recorded), candidate=wanted, options=OPTIONS, target=target, run=NO_RUN)
    assert candidate_of(target) == wanted
    assert read_description(target)["settings"] == OPTIONS.model_dump()
    found, expected = load_classifier(target), student_of(teacher, tiny_data, recorded, wanted)
    assert same_weights(found.model.state_dict(), expected.model.state_dict())
    assert (found.labels, found.max_tokens) == (LABELS, MAX_TOKENS)
