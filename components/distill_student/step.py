"""`distill_student`: one candidate's student, built and trained."""

from typing import Any

from components.distill_student.distilling import build_student, distill
from components.foundation.candidates import parse_candidate
from components.foundation.intents import load_intents
from components.foundation.selection import load_selections
from components.foundation.settings import StudentOptions
from components.foundation.signals import load_facts
from components.foundation.step import step
from components.foundation.storage import whole_folder
from components.foundation.student import write_description
from components.foundation.text_model import load_classifier
from components.foundation.tracking import task_run


def distill_and_save(
    settings: dict[str, Any], candidate: dict[str, Any], dataset: str, teacher: str, signals: str, student: str
) -> None:
    """Write the trained student to the folder `student`."""
    wanted = parse_candidate(candidate)
    with (
        step("distill_student", detail=wanted.name),
        task_run(wanted.name, role="candidate", candidate=wanted.name) as run,
    ):
        options, selection = StudentOptions(**settings), load_selections(signals)[wanted.name]
        run.parameters(
            {**wanted.model_dump(), **options.model_dump(), "chosen_teacher_layers": selection.teacher_layers}
        )
        large, facts = load_classifier(teacher), load_facts(signals)
        small = build_student(large, selection, wanted, facts["checkpoints"])
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
            write_description(
                candidate=wanted, selection=selection, settings=options.model_dump(), signals=facts, folder=folder
            )
