"""Whether the candidates of a run make sense, as far as can be told before any compute."""

from typing import Any

from spectral_distill.core.errors import UserError
from spectral_distill.distillation.candidates import check_student_depth, parse_candidates
from spectral_distill.models.checkpoints import readable_depth

MOST_CANDIDATES = 50
"""What the workflow of one run on Kubeflow can hold, with a margin (docs/cluster.md#size)."""


def check_candidates(candidates: list[Any], teacher: str) -> None:
    """Refuse what can be refused before any compute: bad candidates, too many of them, more layers than the teacher or
    the checkpoint to start from has."""
    if len(candidates) > MOST_CANDIDATES:
        raise UserError(
            f"candidates: found {len(candidates)}, expected at most {MOST_CANDIDATES}, as the workflow of a run holds "
            "no more; split them over several runs"
        )
    for index, candidate in enumerate(parse_candidates(candidates, depth=readable_depth(teacher))):
        depth = readable_depth(candidate.student) if candidate.student else None
        if depth is not None:
            check_student_depth(candidate, depth, f"candidates[{index}]")


def student_checkpoints(candidates: list[Any]) -> list[str]:
    """The checkpoints that candidates start from, each once, sorted."""
    return sorted({candidate.student for candidate in parse_candidates(candidates) if candidate.student})
