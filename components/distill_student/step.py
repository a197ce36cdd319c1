"""`distill_student`: one candidate's student, built and trained."""

from typing import Any

from components.frame import step
from spectral_distill.core.settings import StudentOptions
from spectral_distill.data.dataset import load_intents
from spectral_distill.distillation.candidates import parse_candidate
from spectral_distill.distillation.distilling import build_student, distill
from spectral_distill.distillation.signals_facts import SignalsFacts
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.models.text_classifier import load_classifier
from spectral_distill.selection.mapping import Selections
from spectral_distill.storage.uris import whole_folder
from spectral_distill.tracking.pipeline_run import task_run


def distill_and_save(
    settings: dict[str, Any], candidate: dict[str, Any], dataset: str, teacher: str, signals: str, student: str
) -> None:
    """Write the trained student to the folder `student`."""
    wanted = parse_candidate(candidate)
    with (
        step("distill_student", detail=wanted.name),
        task_run(wanted.name, role="candidate", candidate=wanted.name) as run,
    ):
        options, selection = StudentOptions(**settings), Selections.load(signals).selections[wanted.name]
        run.parameters(
            {**wanted.model_dump(), **options.model_dump(), "chosen_teacher_layers": selection.teacher_layers}
        )
        large, facts = load_classifier(teacher), SignalsFacts.load(signals)
        small = build_student(large, selection, wanted, facts.checkpoints)
        distill(
            teacher=large,
            student=small,
            data=load_intents(dataset),
            signals=signals,
            selection=selection,
            candidate=wanted,
            options=options,
            run=run,
        )
        with whole_folder(student) as folder:
            small.save(folder)
            StudentDescription(candidate=wanted, selection=selection, settings=options, signals=facts).save(folder)
