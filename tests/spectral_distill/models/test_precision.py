"""The format of matrix products: `auto` measures once, and everything else does as it is told."""

import json
import subprocess
from types import SimpleNamespace

import pytest
import torch

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import TeacherOptions
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.distilling import build_student
from spectral_distill.models import checkpoints, precision
from spectral_distill.models.text_classifier import TextClassifier, load_classifier
from spectral_distill.selection.mapping import Selection
from spectral_distill.training.fine_tuning import make_teacher
from tests.support.models import MAX_TOKENS, same_weights
from tests.support.mortal_training import SCHEDULE, tiny_model, train
from tests.support.tracking import NO_RUN

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
every_format = pytest.mark.parametrize("wanted", FORMATS)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Sets how many times as long as float32 a CPU takes in bfloat16. Nothing was measured before."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision, "_is_bfloat16_fast", precision._is_bfloat16_fast.__wrapped__)

    def takes(times_as_long: float) -> None:
        monkeypatch.setattr(
            precision.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=f"[1.0, {times_as_long}]")
        )

    return takes


@pytest.fixture
def unmeasurable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that must not be measured."""
    monkeypatch.setattr(precision, "_is_bfloat16_fast", lambda: pytest.fail("measured anew"))


@pytest.mark.parametrize(
    ("times_as_long", "expected"),
    [(0.5, "bfloat16"), (0.9, "float32"), (1.9, "float32")],
    ids=["twice as fast", "hardly faster", "slower"],
)
def test_auto_takes_bfloat16_only_where_it_pays(machine, times_as_long, expected):
    machine(times_as_long)
    assert precision.resolve("auto") == expected


def test_a_process_measures_once(monkeypatch: pytest.MonkeyPatch):
    measured: list[object] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run = subprocess.run
    monkeypatch.setattr(precision.subprocess, "run", lambda *a, **b: measured.append(run(*a, **b)) or measured[-1])
    precision._is_bfloat16_fast.cache_clear()
    try:
        [answer] = {precision.resolve("auto") for _ in range(3)}
    finally:
        precision._is_bfloat16_fast.cache_clear()
    [measurement] = measured
    float32, bfloat16 = json.loads(measurement.stdout)
    assert float32 > 0 < bfloat16
    assert answer == ("bfloat16" if float32 >= 1.2 * bfloat16 else "float32")


@every_format
def test_a_given_format_is_not_measured(unmeasurable, wanted):
    assert precision.resolve(wanted) == wanted


@every_format
def test_products_are_in_the_given_format(wanted):
    product = torch.nn.Linear(4, 4)
    with precision.inference_in(wanted):
        assert product(torch.ones(1, 4)).dtype is FORMATS[wanted]
        with precision.full_products():
            assert product(torch.ones(1, 4)).dtype is torch.float32


@every_format
def test_training_in_bfloat16_does_without_flash_attention(wanted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with precision.fast_attention_gradients(wanted):
        assert torch.backends.cuda.flash_sdp_enabled() is (wanted == "float32")
    assert torch.backends.cuda.flash_sdp_enabled()


# -- handed on --------------------------------------------------------------------------------------------------------


def teacher_of(checkpoint, data, **options) -> TextClassifier:
    version = checkpoints.version(str(checkpoint))
    return make_teacher(str(checkpoint), version, data, TeacherOptions(teacher_epochs=1, **options), NO_RUN)


@every_format
def test_the_setting_reaches_teacher_folder_and_student(wanted, unmeasurable, tiny_checkpoint, tiny_data, tmp_path):
    teacher_of(tiny_checkpoint, tiny_data, precision=wanted).save(tmp_path / "teacher")
    teacher = load_classifier(tmp_path / "teacher")
    assert teacher.precision == wanted
    manual = Candidate(strategy="manual", layers=1, teacher_layers=[0])
    student = build_student(teacher, Selection(strategy="manual", depth=4, layers=[[(0, 1.0)]]), manual, {})
    student.save(tmp_path / "student")
    assert load_classifier(tmp_path / "student").precision == wanted


@pytest.mark.parametrize("start", ["teacher's layers", "a checkpoint"])
def test_a_student_has_its_teachers_format_whatever_it_starts_from(start, unmeasurable, tiny_checkpoint, tiny_data):
    teacher = teacher_of(tiny_checkpoint, tiny_data, precision="bfloat16")
    uri = str(tiny_checkpoint) if start == "a checkpoint" else ""
    wanted = Candidate(strategy="uniform", layers=1, student=uri)
    selection = Selection(strategy="uniform", depth=4, layers=[[(3, 1.0)]])
    student = build_student(teacher, selection, wanted, {uri: checkpoints.version(uri)} if uri else {})
    assert student.precision == "bfloat16"


@pytest.mark.parametrize("fine_tune", [True, False])
def test_the_setting_wins_over_what_a_checkpoint_records(fine_tune, tiny_classifier, tiny_data, tmp_path):
    recorded = TextClassifier(model=tiny_classifier.model, tokenizer=tiny_classifier.tokenizer, precision="bfloat16")
    recorded.save(tmp_path)
    made = teacher_of(tmp_path, tiny_data, precision="float32", teacher_fine_tune=fine_tune, teacher_max_tokens=16)
    assert made.precision == "float32"


def test_a_foreign_checkpoint_gets_what_auto_stands_for(machine, tiny_checkpoint):
    machine(0.5)
    assert load_classifier(tiny_checkpoint, max_tokens=MAX_TOKENS, labels=["a", "b"]).precision == "bfloat16"


@pytest.mark.parametrize("found", ['{"precision": "float16"}', "{", ""])
def test_a_record_that_names_no_known_format_is_refused(found, tiny_classifier, tmp_path):
    tiny_classifier.save(tmp_path)
    (tmp_path / "precision.json").write_text(found)
    with pytest.raises(UserError, match=r"precision\.json: found .*float32.* or .*bfloat16"):
        load_classifier(tmp_path)


# -- trained ----------------------------------------------------------------------------------------------------------


def trained_in(wanted: precision.Precision):
    classifier = tiny_model()
    other = TextClassifier(model=classifier.model, tokenizer=classifier.tokenizer, precision=wanted)
    train(other, schedule=SCHEDULE.model_copy(update={"epochs": 1}))
    return other.model.state_dict()


def test_the_format_alone_decides_what_a_busy_machine_trains(machine):
    machine(0.5)
    idle = {wanted: trained_in(wanted) for wanted in FORMATS}
    machine(2.0)
    busy = {wanted: trained_in(wanted) for wanted in FORMATS}
    assert all(same_weights(idle[wanted], busy[wanted]) for wanted in FORMATS)
    assert not same_weights(idle["float32"], idle["bfloat16"])
