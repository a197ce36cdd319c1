"""A candidate: which student to build, and how to train it."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from spectral_distill.core.errors import UserError
from spectral_distill.core.options import Options
from spectral_distill.selection.registry import check_strategy
from spectral_distill.selection.request import check_depth

Alignment = Literal[
    "none", "hidden_mse", "cosine", "spectral", "magnitude", "log_magnitude", "band_limited", "token_axis", "pooled"
]


class Candidate(Options):
    """One entry of the pipeline's `candidates` parameter.

    Raises:
        UserError: A value is invalid, a name is unknown, or settings contradict each other.
    """

    strategy: str = Field(description="how the teacher's layers are chosen: a name, or package.module:function")
    layers: int = Field(ge=1, description="encoder layers of the student")
    teacher_layers: list[int] | None = Field(None, description="`manual` only: the teacher layers, counted from 0")
    student: str = Field("", description="checkpoint that the student starts from; empty takes the teacher's layers")
    seed: int = Field(
        0, ge=0, description="seed of the training order, of strategy `random`, of dropout without teacher"
    )
    ce_weight: float = Field(0.1, ge=0, description="weight of the cross-entropy with the true label")
    kl_weight: float = Field(0.9, ge=0, description="weight of the KL divergence from the teacher's softened answers")
    temperature: float = Field(2.0, gt=0, le=100, description="softening of both answers in the KL term")
    final_temperature: float | None = Field(
        None, gt=0, le=100, description="temperature at the end of training, reached linearly; null keeps it"
    )
    alignment: Alignment = Field("none", description="what beside the logits is matched, layer by layer")
    alignment_weight: float = Field(1.0, gt=0, description="weight of the alignment loss")
    final_alignment_weight: float | None = Field(
        None, ge=0, description="its weight at the end of training, reached linearly; null keeps it"
    )
    alignment_bins: int = Field(8, ge=1, description="`band_limited` only: lowest channel frequencies that are matched")
    aligned_layers: Literal["all", "last"] = Field("all", description="which of the student's layers are aligned")

    @model_validator(mode="after")
    def _consistent(self) -> "Candidate":
        check_strategy(self.strategy)
        if (self.strategy == "manual") != (self.teacher_layers is not None):
            raise ValueError("teacher_layers: expected exactly with strategy 'manual'; add or remove it")
        if self.teacher_layers is not None and len(self.teacher_layers) != self.layers:
            raise ValueError(
                f"teacher_layers: found {len(self.teacher_layers)} entries for {self.layers} layers; make them equal"
            )
        if self.ce_weight == self.kl_weight == 0:
            raise ValueError("ce_weight and kl_weight: found 0 and 0, expected one above 0")
        return self

    @property
    def aligns(self) -> bool:
        """Whether the loss has an alignment term."""
        return self.alignment != "none"

    @property
    def has_teacher(self) -> bool:
        """Whether the teacher takes part in the loss. A student without a teacher learns from labels only."""
        return self.kl_weight > 0 or self.aligns

    @property
    def features(self) -> str:
        """The feature of the teacher's hidden states that the alignment needs, by its name in `features`."""
        return {"band_limited": f"band_{self.alignment_bins}", "pooled": "pooled"}.get(self.alignment, "tokens")

    @property
    def configuration(self) -> str:
        """A readable name of all settings except the seed. Equal names are equal configurations."""
        parts = [self.strategy.replace(":", "."), f"{self.layers}L"]
        if self.teacher_layers is not None:
            parts.append("-".join(map(str, self.teacher_layers)))
        if self.student:
            parts += _short_uri(self.student)
        if self.aligns:
            parts.append(self.alignment)
        parts += [
            short + (f"{value:g}" if isinstance(value, float) else str(value))
            for name, short in _SHORT_NAMES.items()
            if self._uses(name) and (value := getattr(self, name)) != type(self).model_fields[name].default
        ]
        return "-".join(parts)

    def _uses(self, name: str) -> bool:
        """Whether a setting has an effect, given the others."""
        if name == "alignment_bins":
            return self.alignment == "band_limited"
        if name in ("aligned_layers", "alignment_weight", "final_alignment_weight"):
            return self.aligns
        return name not in ("temperature", "final_temperature") or self.kl_weight > 0

    @property
    def name(self) -> str:
        """The configuration and the seed: unique within a pipeline run."""
        return f"{self.configuration}-s{self.seed}"


def _short_uri(uri: str) -> list[str]:
    """The last two parts of a URI, and a digest of the whole URI if it has more parts."""
    parts = re.split("[:/]+", uri.rstrip("/"))
    return parts if len(parts) <= 2 else [*parts[-2:], hashlib.sha256(uri.encode()).hexdigest()[:6]]


_SHORT_NAMES = {
    "aligned_layers": "align_",
    "alignment_bins": "bins",
    "alignment_weight": "aw",
    "final_alignment_weight": "aw_to_",
    "ce_weight": "ce",
    "kl_weight": "kl",
    "temperature": "T",
    "final_temperature": "T_to_",
}


def parse_candidates(raw: Sequence[Any], depth: int | None = None) -> list[Candidate]:
    """Parse and check the value of the pipeline's `candidates` parameter.

    Args:
        raw: The parsed JSON: a list of objects.
        depth: Number of the teacher's layers to check against; None skips this check.

    Returns:
        The candidates, in order.

    Raises:
        UserError: The list is empty or not a list, an entry is invalid, two entries are the same, or an entry asks for
            layers that the teacher does not have.
    """
    if not isinstance(raw, list) or not raw:
        raise UserError(f"candidates: found {raw!r}, expected a JSON list of at least one object")
    candidates = [parse_candidate(entry, where=f"candidates[{index}]") for index, entry in enumerate(raw)]
    seen: dict[str, int] = {}
    for index, candidate in enumerate(candidates):
        if candidate.name in seen:
            raise UserError(
                f"candidates[{index}]: same as candidates[{seen[candidate.name]}] ({candidate.name}); remove one"
            )
        seen[candidate.name] = index
        if depth is not None:
            check_depth(candidate, depth, where=f"candidates[{index}]")
    return candidates


def parse_candidate(raw: Any, where: str = "candidate") -> Candidate:
    """Parse one entry of the `candidates` parameter.

    Args:
        raw: The parsed JSON: an object with the settings of `Candidate`.
        where: Name of the entry in messages.

    Returns:
        The candidate.

    Raises:
        UserError: The entry is not an object, or one of its settings is invalid.
    """
    if not isinstance(raw, dict):
        raise UserError(f"{where}: found {raw!r}, expected an object such as {{'strategy': 'uniform', 'layers': 3}}")
    try:
        return Candidate(**{str(name): value for name, value in raw.items()})
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def check_student_depth(candidate: Candidate, depth: int, where: str) -> None:
    """Check that the checkpoint that a candidate starts from has enough layers.

    Args:
        candidate: A candidate with a checkpoint of its own.
        depth: Number of encoder layers of that checkpoint.
        where: Name of the candidate in messages.

    Raises:
        UserError: The candidate has more layers than the checkpoint.
    """
    if candidate.layers > depth:
        raise UserError(
            f"{where}: layers: found {candidate.layers}, expected at most {depth}, the depth of {candidate.student}"
        )
