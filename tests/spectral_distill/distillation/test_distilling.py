"""Students taught for real, by a tiny teacher on tiny intents."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import DatasetDict
from transformers import BertModel, TrainingArguments

from components.distill_student.step import distill_and_save
from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import SignalOptions, StudentOptions
from spectral_distill.data.dataset import NO_LABEL, UNLABELLED, save_intents
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.capturing import capture
from spectral_distill.distillation.distilling import DistillationTrainer, build_student, distill
from spectral_distill.distillation.features import extract
from spectral_distill.distillation.losses import ALIGNMENTS, distillation_kl
from spectral_distill.distillation.online_teacher import OnlineTeacher
from spectral_distill.distillation.signals import Signals
from spectral_distill.distillation.signals_facts import SignalsFacts
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.models import checkpoints
from spectral_distill.models.encoder_layers import depth, layer_stack, shallow_copy_of
from spectral_distill.models.linear_probe import start_from_probe
from spectral_distill.models.text_classifier import TextClassifier, load_classifier
from spectral_distill.selection.mapping import Selection, Selections
from spectral_distill.tracking.pipeline_run import Run
from spectral_distill.training.cache_folder import VARIABLE
from spectral_distill.training.trainer import Schedule, collator, fit, tokenized
from tests.support.artifacts import tiny_card
from tests.support.dataset import LABELS, split_of
from tests.support.models import MAX_TOKENS, same_weights, save_tiny_encoder, tiny_tokenizer
from tests.support.tracking import NO_RUN

SELECTION = Selection(strategy="manual", depth=4, layers=[[(0, 0.3), (1, 0.7)], [(3, 1.0)]])
OPTIONS = StudentOptions(student_epochs=2, student_learning_rate=3e-3, student_batch_size=16)
SOME_TEXTS = (90, 2, 55, 12, 31)
"""Rows with texts of several lengths, out of order."""
ONLINE = "the teacher runs in every step"
every_alignment = pytest.mark.parametrize("alignment", ALIGNMENTS)


def candidate(alignment: str = "none", **others: Any) -> Candidate:
    return Candidate(**{"strategy": "manual", "layers": 2, "teacher_layers": [1, 3], "alignment": alignment} | others)


@pytest.fixture(scope="module")
def teacher(tiny_checkpoint: Path, tiny_data: DatasetDict) -> TextClassifier:
    """A teacher that has learnt the tiny intents, in float32: in bfloat16 numbers only compare to two digits."""
    torch.manual_seed(0)
    classifier = load_classifier(tiny_checkpoint, max_tokens=MAX_TOKENS, labels=LABELS, precision="float32")
    start_from_probe(classifier, tiny_data["train"])
    schedule = Schedule(epochs=6, learning_rate=3e-3, batch_size=16, seed=0)
    train, validation = tokenized(classifier, tiny_data["train"]), tokenized(classifier, tiny_data["validation"])
    fit(classifier, train=train, validation=validation, schedule=schedule, run=NO_RUN, what="teach")
    return classifier


@pytest.fixture(scope="module")
def recorded(teacher: TextClassifier, tiny_data: DatasetDict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The teacher's signals with what any alignment needs."""
    return signals_of(teacher, tiny_data, tmp_path_factory.mktemp("signals") / "recorded", budget_gib=1)


@pytest.fixture(scope="module")
def logits_only(teacher: TextClassifier, tiny_data: DatasetDict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The teacher's signals where hidden states did not fit."""
    return signals_of(teacher, tiny_data, tmp_path_factory.mktemp("signals") / "logits", budget_gib=0)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint of the teacher's tokenizer, half as wide, three layers deep."""
    return save_tiny_encoder(tmp_path_factory.mktemp("checkpoints") / "narrow", tiny_tokenizer())


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same with a tokenizer that knows letters alone."""
    return save_tiny_encoder(tmp_path_factory.mktemp("checkpoints") / "foreign", tiny_tokenizer(letters_only=True))


@pytest.fixture(scope="module")
def renumbered(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same with a tokenizer that cuts as the teacher's, but numbers the pieces otherwise and pads on the left."""
    return save_tiny_encoder(tmp_path_factory.mktemp("checkpoints") / "renumbered", tiny_tokenizer(backwards=True))


def signals_of(teacher: TextClassifier, data: DatasetDict, target: Path, budget_gib: float) -> Path:
    wanted = [candidate(alignment) for alignment in ("hidden_mse", "band_limited", "pooled")]
    capture(
        teacher=teacher, data=data, candidates=wanted, selections={one.name: SELECTION for one in wanted},
        options=SignalOptions(signals_budget_gib=budget_gib), checkpoints={}, target=target,
    )  # fmt: skip
    return target


class Losses(Run):
    """Keeps the losses that MLflow would get."""

    def __init__(self) -> None:
        super().__init__(None)
        self.training: list[float] = []
        self.validation: list[float] = []

    def curves(self, points: Iterable[tuple[int, Any]]) -> None:
        for _, values in points:
            self.training += [values["train.loss"]] if "train.loss" in values else []
            self.validation += [values["validation.loss"]] if "validation.loss" in values else []


def untaught(teacher: TextClassifier, wanted: Candidate) -> TextClassifier:
    pinned = {wanted.student: checkpoints.version(wanted.student)} if wanted.student else {}
    return build_student(teacher, SELECTION, wanted, pinned)


def student_of(
    teacher: TextClassifier, data: DatasetDict, signals: Path, wanted: Candidate, options: StudentOptions = OPTIONS,
    run: Run = NO_RUN,
) -> TextClassifier:  # fmt: skip
    student = untaught(teacher, wanted)
    distill(
        teacher=teacher, student=student, data=data, signals=signals, selection=SELECTION, candidate=wanted,
        options=options, run=run,
    )  # fmt: skip
    return student


def trainer_of(
    model: Any, signals: Signals, validation_signals: Signals, wanted: Candidate, folder: Path,
    teacher_states: Signals | OnlineTeacher, progress: float = 0.0,
) -> DistillationTrainer:  # fmt: skip
    trainer = DistillationTrainer(
        model=model, candidate=wanted, targets=SELECTION.layers, signals=signals, validation_signals=validation_signals,
        teacher_states=teacher_states, args=TrainingArguments(output_dir=str(folder), use_cpu=True, report_to="none"),
    )  # fmt: skip
    trainer.state.max_steps, trainer.state.global_step = 100, round(100 * progress)
    return trainer


@pytest.fixture
def loss_of(teacher, tiny_data, recorded, logits_only, tmp_path):
    """The objective of a student on a batch of training texts, from recorded features or from the teacher itself."""

    def loss(
        student: Any, wanted: Candidate, *, online: bool = True, progress: float = 0.0,
        rows: Sequence[int] = SOME_TEXTS, online_teacher: TextClassifier = teacher,
    ) -> float:  # fmt: skip
        folder = logits_only if online else recorded
        signals, others = (Signals(folder, tiny_data[split]["id"]) for split in ("train", "validation"))
        states = OnlineTeacher(online_teacher, tiny_data["train"]["text"]) if online else signals
        trainer = trainer_of(student, signals, others, wanted, tmp_path, states, progress)
        with torch.no_grad():
            return float(trainer.batch_loss(some_batch(teacher, tiny_data["train"], rows), student)[0])

    return loss


def steady(classifier: TextClassifier) -> Any:
    """The model in training mode but without dropout, so that losses can be compared."""
    model = classifier.model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def accuracy(classifier: TextClassifier, split: Any) -> float:
    return float((classifier.logits(split["text"]).argmax(1) == split["label"]).mean())


def some_batch(classifier: TextClassifier, split: Any, rows: Sequence[int] = SOME_TEXTS) -> dict[str, torch.Tensor]:
    texts = tokenized(classifier, split)
    return collator(classifier)([texts[row % len(texts)] for row in rows])


def alignment_by_hand(wanted: Candidate, mine: Sequence, theirs: Sequence, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the aligned layers of the measure between features, the teacher's layers mixed before the feature."""
    targets = [0.3 * theirs[1] + 0.7 * theirs[2], theirs[4]]  # state 0 is the embeddings
    losses = []
    for student, target in list(zip(mine[1:], targets, strict=True))[-1 if wanted.aligned_layers == "last" else 0 :]:
        (features, rows), (others, _) = (extract(wanted.features, states, mask) for states in (student, target))
        losses.append(ALIGNMENTS[wanted.alignment](features, others, rows))
    return torch.stack(losses).mean()


# -- the objective ----------------------------------------------------------------------------------------------------


@every_alignment
def test_recorded_states_teach_as_the_teacher_itself(alignment, teacher, loss_of):
    wanted = candidate(alignment, alignment_weight=1.0, ce_weight=1e-6, kl_weight=0.0)  # the alignment alone counts
    student = steady(untaught(teacher, wanted))
    with torch.no_grad():
        for parameter in student.parameters():  # away from the teacher, where nearly equal states would hide all
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    losses = [loss_of(student, wanted, online=online) for online in (False, True)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)  # recorded in bfloat16: 8 bits
    assert losses[1] > 1e-4


def test_an_online_teacher_runs_in_the_format_that_recorded_states_were_made_in(teacher, loss_of):
    student, seen = steady(untaught(teacher, candidate("hidden_mse"))), set()
    product = next(module for module in teacher.model.modules() if isinstance(module, torch.nn.Linear))
    with product.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype)):
        loss_of(student, candidate("hidden_mse"), online_teacher=replace(teacher, precision="bfloat16"))
    assert seen == {torch.bfloat16}


@every_alignment
@pytest.mark.parametrize("aligned_layers", ["all", "last"])
def test_the_loss_is_the_weighted_sum_of_its_parts(alignment, aligned_layers, teacher, tiny_data, loss_of):
    wanted = candidate(
        alignment, ce_weight=0.25, kl_weight=0.5, alignment_weight=2.0, temperature=3.0, aligned_layers=aligned_layers
    )
    student, batch = steady(untaught(teacher, wanted)), some_batch(teacher, tiny_data["train"])
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "output_hidden_states": True}
    loss = loss_of(student, wanted)
    with torch.no_grad():
        mine, theirs = student(**inputs), teacher.model(**inputs)
    expected = (
        0.25 * torch.nn.functional.cross_entropy(mine.logits, batch["labels"])
        + 0.5 * distillation_kl(mine.logits, theirs.logits, 3.0)
        + 2.0 * alignment_by_hand(wanted, mine.hidden_states, theirs.hidden_states, batch["attention_mask"])
    )
    assert loss == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("progress", [0.0, 0.5, 0.9])
def test_schedules_follow_the_steps(progress, teacher, loss_of):
    """Weight from 2 to 0.5 and temperature from 4 to 1: at each step as a constant of that value."""
    moving = candidate("hidden_mse", alignment_weight=2.0, final_alignment_weight=0.5, temperature=4.0,
                       final_temperature=1.0)  # fmt: skip
    constant = candidate("hidden_mse", alignment_weight=2.0 - 1.5 * progress, temperature=4.0 - 3.0 * progress)
    student = steady(untaught(teacher, moving))
    assert loss_of(student, moving, progress=progress) == pytest.approx(loss_of(student, constant, progress=progress))
    assert loss_of(student, moving, progress=0.3) != pytest.approx(loss_of(student, moving, progress=0.4), rel=1e-4)


def test_an_alignment_may_fade_to_nothing(teacher, loss_of):
    fading = candidate("hidden_mse", alignment_weight=2.0, final_alignment_weight=0.0)
    student = steady(untaught(teacher, fading))
    assert loss_of(student, fading, progress=1.0) == pytest.approx(loss_of(student, candidate("none")))


@pytest.mark.parametrize("progress", [0.0, 0.7])
def test_validation_measures_the_logits_against_the_validation_signals(
    progress, teacher, tiny_data, recorded, tmp_path
):
    """By the same yardstick in every epoch: neither alignment nor a temperature that moves."""
    wanted = candidate("spectral", ce_weight=0.25, kl_weight=0.5, temperature=3.0, final_temperature=1.0)
    signals, others = (Signals(recorded, tiny_data[split]["id"]) for split in ("train", "validation"))
    student = untaught(teacher, wanted).model.eval()
    trainer = trainer_of(student, signals, others, wanted, tmp_path, signals, progress)
    batch = some_batch(teacher, tiny_data["validation"])
    with torch.no_grad():
        loss, outputs = trainer.batch_loss(batch, student)
        theirs = teacher.model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    expected = 0.25 * torch.nn.functional.cross_entropy(outputs.logits, batch["labels"]) + 0.5 * distillation_kl(
        outputs.logits, theirs, 3.0
    )
    assert float(loss) == pytest.approx(float(expected), rel=1e-3)


# -- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alignment", ["none", *ALIGNMENTS])
def test_training_lowers_the_loss(alignment, teacher, tiny_data, recorded):
    run = Losses()
    options = StudentOptions(student_epochs=6, student_learning_rate=3e-3, student_batch_size=16)
    student_of(teacher, tiny_data, recorded, candidate(alignment), options, run)
    assert len(run.training) == 36  # 96 texts in batches of 16, six times
    assert sum(run.training[-6:]) < 0.7 * sum(run.training[:6])
    assert len(run.validation) == 6
    assert run.validation[-1] < run.validation[0]


def test_a_student_learns_from_its_teacher(teacher, tiny_data, recorded):
    options = StudentOptions(student_epochs=8, student_learning_rate=3e-3, student_batch_size=16)
    student = student_of(teacher, tiny_data, recorded, candidate(ce_weight=0), options)
    assert depth(student.model) == 2
    assert student.labels == LABELS
    assert not student.model.training
    assert accuracy(teacher, tiny_data["test"]) > 0.8  # chance is 0.25
    assert accuracy(student, tiny_data["test"]) > 0.7


@pytest.mark.parametrize(("kl_weight", "drops"), [(0.9, False), (0.0, True)], ids=["under a teacher", "labels alone"])
def test_a_student_drops_nothing_under_a_teacher(kl_weight, drops, teacher, tiny_data, recorded):
    wanted = candidate(kl_weight=kl_weight, ce_weight=1 - kl_weight)

    def taught(share: float) -> dict[str, torch.Tensor]:
        student = untaught(teacher, wanted)
        dropouts = [module for module in student.model.modules() if isinstance(module, torch.nn.Dropout)]
        for dropout in dropouts:
            dropout.p = share
        distill(
            teacher=teacher, student=student, data=tiny_data, signals=recorded, selection=SELECTION, candidate=wanted,
            options=OPTIONS, run=NO_RUN,
        )  # fmt: skip
        assert {dropout.p for dropout in dropouts} == {share}
        return student.model.state_dict()

    assert same_weights(taught(0.5), taught(0.0)) is not drops


@pytest.fixture(scope="module")
def with_unlabelled(tiny_data) -> DatasetDict:
    """Eight training texts with labels, and the others without."""
    texts = tiny_data["train"]
    others = split_of([(text, None) for text in texts["text"][8:]])
    return DatasetDict({**tiny_data, "train": texts.select(range(8)), UNLABELLED: others})


@pytest.mark.parametrize(
    ("alignment", "signals"), [("none", "recorded"), ("hidden_mse", "recorded"), ("hidden_mse", "logits_only")]
)
def test_unlabelled_texts_teach_a_student(alignment, signals, teacher, tiny_data, with_unlabelled, narrow, request):
    """The teacher answers them: with few labels and many texts a student learns as from many labels."""
    options = StudentOptions(student_epochs=8, student_learning_rate=3e-3, student_batch_size=16)
    wanted = candidate(alignment, student=narrow)
    few = DatasetDict({name: with_unlabelled[name] for name in ("train", "validation", "test")})
    scores = [
        accuracy(student_of(teacher, data, request.getfixturevalue(signals), wanted, options), tiny_data["test"])
        for data in (few, with_unlabelled)
    ]
    assert scores[1] > scores[0] + 0.1


def test_texts_without_a_label_add_nothing_to_the_cross_entropy(teacher, loss_of, tiny_data, monkeypatch):
    """It is a mean over all texts of the batch, so that a label weighs the same whichever texts it stands among."""
    wanted = candidate(ce_weight=1.0, kl_weight=0.0)
    student = steady(untaught(teacher, wanted))
    each = [loss_of(student, wanted, rows=[row]) for row in (90, 2, 55)]
    labels = list(tiny_data["train"]["label"])
    labels[2] = NO_LABEL
    monkeypatch.setitem(tiny_data, "train", tiny_data["train"].remove_columns("label").add_column("label", labels))
    assert loss_of(student, wanted, rows=[90, 2, 55]) == pytest.approx((each[0] + each[2]) / 3, rel=1e-4)
    assert loss_of(student, wanted, rows=[2]) == 0


def test_a_student_without_a_teacher_does_without_unlabelled_texts(teacher, with_unlabelled, recorded):
    alone = candidate(ce_weight=1.0, kl_weight=0.0)
    few = DatasetDict({name: with_unlabelled[name] for name in ("train", "validation")})
    first, again = (student_of(teacher, data, recorded, alone) for data in (few, with_unlabelled))
    assert same_weights(first.model.state_dict(), again.model.state_dict())


def test_same_seed_same_weights_and_another_seed_others(teacher, tiny_data, recorded):
    wanted = [candidate("spectral", seed=seed) for seed in (3, 3, 4)]
    first, again, other = (student_of(teacher, tiny_data, recorded, it).model.state_dict() for it in wanted)
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_a_student_that_gets_no_better_runs_out_of_patience(teacher, tiny_data, recorded):
    """At a learning rate that moves no weight, the second epoch is as good as the first."""

    options = OPTIONS.model_copy(update={"student_epochs": 5, "student_learning_rate": 1e-30})
    for patience, epochs in ((0, 5), (1, 2), (3, 4)):
        run = Losses()
        patient = options.model_copy(update={"student_patience": patience})
        student_of(teacher, tiny_data, recorded, candidate(), patient, run)
        assert len(run.validation) == epochs


@pytest.mark.parametrize("signals", ["recorded", "logits_only"])
def test_the_teacher_is_left_as_it_was(signals, teacher, tiny_data, request):
    before = {name: tensor.clone() for name, tensor in teacher.model.state_dict().items()}
    student_of(teacher, tiny_data, request.getfixturevalue(signals), candidate("spectral"))
    assert same_weights(before, teacher.model.state_dict())
    assert not teacher.model.training
    assert all(parameter.grad is None for parameter in teacher.model.parameters())


def test_an_online_teacher_says_so(teacher, tiny_data, logits_only, recorded, capsys):
    student_of(teacher, tiny_data, logits_only, candidate("spectral"))
    assert ONLINE in capsys.readouterr().err
    student_of(teacher, tiny_data, logits_only, candidate("none"))
    student_of(teacher, tiny_data, recorded, candidate("spectral"))
    assert ONLINE not in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_with_advice(teacher, tiny_data, recorded):
    growing, run = candidate("hidden_mse", final_alignment_weight=1e45), Losses()
    with pytest.raises(UserError, match=r"the loss is inf at step 2, learning rate .*; lower .* or the loss weights"):
        student_of(teacher, tiny_data, recorded, growing, run=run)
    assert run.training  # what was learned until then is told


def test_candidates_that_come_to_the_same_train_once(teacher, tiny_data, recorded, tmp_path, monkeypatch, capsys):
    """Another name of the same layers is no other training; another alignment or temperature is."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    same = {"strategy": "uniform", "teacher_layers": None}
    first = student_of(teacher, tiny_data, recorded, candidate())
    again = student_of(teacher, tiny_data, recorded, candidate(**same))
    assert same_weights(first.model.state_dict(), again.model.state_dict())
    assert "trained before" in capsys.readouterr().err
    others = [candidate("cosine"), candidate("spectral"), candidate(temperature=3.0), candidate(ce_weight=0.2)]
    for wanted in others:
        student_of(teacher, tiny_data, recorded, wanted)
    assert "trained before" not in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 1 + len(others)


def test_a_student_on_disk_says_how_it_was_made(teacher, tiny_data, recorded, tmp_path):
    folders = {name: tmp_path / name for name in ("dataset", "teacher")}
    for folder in folders.values():
        folder.mkdir()
    wanted = candidate("spectral", seed=5)
    save_intents(tiny_data, tiny_card(), folders["dataset"])
    teacher.save(folders["teacher"])
    signals = Path(shutil.copytree(recorded, tmp_path / "signals"))
    others = Selection(strategy="first", depth=4, layers=[[(0, 1.0)]])
    Selections(selections={"another": others, wanted.name: SELECTION}).save(signals)
    paths = {name: str(folder) for name, folder in {**folders, "signals": signals}.items()}
    target = tmp_path / "student"
    distill_and_save(OPTIONS.model_dump(), wanted.model_dump(), **paths, student=str(target))
    made = StudentDescription.load(target)
    assert (made.candidate, made.selection, made.settings) == (wanted, SELECTION, OPTIONS)
    assert made.signals == SignalsFacts.load(recorded)
    found, expected = load_classifier(target), student_of(teacher, tiny_data, recorded, wanted)
    assert same_weights(found.model.state_dict(), expected.model.state_dict())
    assert (found.labels, found.max_tokens) == (LABELS, MAX_TOKENS)


# -- students from another checkpoint ---------------------------------------------------------------------------------


def test_a_student_of_the_teachers_layers_starts_as_their_mix(teacher):
    student = untaught(teacher, candidate())
    expected = shallow_copy_of(teacher.model, SELECTION.layers)
    assert same_weights(student.model.state_dict(), expected.state_dict())
    assert student.tokenizer is teacher.tokenizer


def test_a_student_of_another_checkpoint_is_that_checkpoint(teacher, narrow):
    """Its first and last of three layers, its width; the teacher's labels and limit; a head that the seed draws."""
    wanted = candidate(student=narrow)
    student, whole = untaught(teacher, wanted), BertModel.from_pretrained(narrow)
    for mine, theirs in zip(layer_stack(student.model), (whole.encoder.layer[0], whole.encoder.layer[2]), strict=True):
        assert same_weights(mine.state_dict(), theirs.state_dict())
    assert same_weights(student.model.base_model.embeddings.state_dict(), whole.embeddings.state_dict())
    assert student.model.config.hidden_size == 16
    assert (student.labels, student.max_tokens) == (LABELS, MAX_TOKENS)
    again, other = untaught(teacher, wanted), untaught(teacher, candidate(student=narrow, seed=1))
    assert same_weights(student.model.state_dict(), again.model.state_dict())
    assert not same_weights(student.model.state_dict(), other.model.state_dict())


@pytest.mark.parametrize("alignment", ["none", *(name for name in ALIGNMENTS if name != "band_limited")])
def test_a_student_of_another_width_learns_with_the_same_tokenizer(alignment, teacher, tiny_data, recorded, narrow):
    wanted = candidate(alignment, student=narrow)
    student = student_of(teacher, tiny_data, recorded, wanted, OPTIONS.model_copy(update={"student_epochs": 6}))
    assert accuracy(student, tiny_data["test"]) > 0.5  # chance is 0.25


@pytest.mark.parametrize("alignment", ["none", "pooled"])
def test_a_student_of_another_tokenizer_learns(alignment, teacher, tiny_data, recorded, foreign):
    wanted = candidate(alignment, student=foreign)
    student = student_of(teacher, tiny_data, recorded, wanted, OPTIONS.model_copy(update={"student_epochs": 8}))
    assert student.tokenize(["cancel"]) != teacher.tokenize(["cancel"])
    assert accuracy(student, tiny_data["test"]) > 0.4  # chance is 0.25; letters are harder


@pytest.mark.parametrize("signals", ["recorded", "logits_only"])
@pytest.mark.parametrize("alignment", ["hidden_mse", "token_axis", "pooled"])
def test_a_student_whose_tokenizer_only_numbers_otherwise_learns(
    alignment, signals, teacher, tiny_data, renumbered, request
):  # fmt: skip
    """Token by token, too, as MiniLM under MPNet: they cut alike."""
    options = OPTIONS.model_copy(update={"student_epochs": 8})
    wanted = candidate(alignment, student=renumbered)
    student = student_of(teacher, tiny_data, request.getfixturevalue(signals), wanted, options)
    assert student.tokenize(["cancel"]) != teacher.tokenize(["cancel"])
    assert accuracy(student, tiny_data["test"]) > 0.5  # chance is 0.25


@pytest.mark.parametrize("name", ["tokens", "band_8", "pooled"])
def test_an_online_teacher_answers_as_its_recorded_states_however_the_student_pads(
    name, teacher, tiny_data, recorded, renumbered
):  # fmt: skip
    split = tiny_data["train"]
    batch = some_batch(untaught(teacher, candidate(student=renumbered)), split)
    assert not batch["attention_mask"][:, 0].all()  # padded on the left
    mask = batch["attention_mask"] if name != "pooled" else torch.ones(len(SOME_TEXTS), 1, dtype=torch.long)
    sources = Signals(recorded, split["id"]), OnlineTeacher(teacher, split["text"])
    found, expected = (source.batch(name, [0, 3], batch["index"].tolist(), mask) for source in sources)
    for layer in (0, 3):
        torch.testing.assert_close(found[layer], expected[layer], rtol=1e-2, atol=1e-2)  # recorded in bfloat16
        assert not expected[layer][mask == 0].any()


def test_an_online_teacher_teaches_a_student_of_another_tokenizer(teacher, tiny_data, logits_only, foreign, capsys):
    wanted = candidate("pooled", student=foreign)
    student = student_of(teacher, tiny_data, logits_only, wanted, OPTIONS.model_copy(update={"student_epochs": 8}))
    assert ONLINE in capsys.readouterr().err
    assert accuracy(student, tiny_data["test"]) > 0.4  # chance is 0.25; letters are harder


def test_an_online_teacher_teaches_a_student_of_another_width(teacher, tiny_data, logits_only, narrow, capsys):
    wanted = candidate("hidden_mse", student=narrow)
    student = student_of(teacher, tiny_data, logits_only, wanted, OPTIONS.model_copy(update={"student_epochs": 6}))
    assert ONLINE in capsys.readouterr().err
    assert accuracy(student, tiny_data["test"]) > 0.5
