"""The `comparison` artifact: `leaderboard.json`, and `report.html` beside it. Reading it needs no model library."""

from typing import ClassVar, Literal

from spectral_distill.core.settings import ComparisonOptions, PromotionOptions
from spectral_distill.data.card import DataCard
from spectral_distill.evaluation.artifact import Evaluation, TeacherEvaluation
from spectral_distill.spectra.profile_facts import ProfileFacts
from spectral_distill.storage.artifacts import Artifact, Record, SparseRecord

REPORT = "report.html"


class Difference(Record):
    """Difference of two accuracies on the same texts.

    Attributes:
        difference: The first less the second.
        low: Lower end of the paired bootstrap interval.
        high: Upper end.
        p_holm: p of McNemar's test, adjusted by Holm.
    """

    difference: float
    low: float
    high: float
    p_holm: float


class Standing(Record):
    """A configuration's rank and differences.

    Attributes:
        rank: From 1.
        configuration: Name of the candidate without its seed.
        student: Name of the run with the lowest seed, which represents the configuration.
        seeds: Seeds of all runs, ascending.
        accuracy: Mean over seeds.
        accuracy_interval_over_seeds: Lower and upper end; None for one seed.
        versus_teacher: Accuracy less the teacher's.
        versus_best: Accuracy less the best configuration's; None for that one.
    """

    rank: int
    configuration: str
    student: str
    seeds: list[int]
    accuracy: float
    accuracy_interval_over_seeds: tuple[float, float] | None
    versus_teacher: Difference
    versus_best: Difference | None


class Row(Standing):
    """A row of the leaderboard.

    Attributes:
        evaluation: The evaluation of the student that represents the configuration.
    """

    evaluation: Evaluation


class Verdict(Record):
    """Which student ships.

    Attributes:
        winner: The configuration that is significantly better than every other one; None if there is none.
        tied: Configurations that are not significantly worse than the best.
        ship: Name of the student to ship.
        reason: Why, as a sentence.
    """

    winner: str | None
    tied: list[str]
    ship: str
    reason: str


class Champion(SparseRecord):
    """The registry's champion before this run: its scores on the same test split, or why it has none.

    Attributes:
        version: Its version in the registry.
        problem: Why it cannot be compared; None if it can.
        accuracy: Accuracy, as in `evaluation.artifact.Scores`.
        macro_f1: Macro-F1, as in `Scores`.
        ece: Expected calibration error, as in `Scores`.
        out_of_scope_auroc: AUROC of confidence, as in `Scores`.
    """

    version: int
    problem: str | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    ece: float | None = None
    out_of_scope_auroc: float | None = None


class Promotion(Record):
    """The alias of the student to ship.

    Attributes:
        alias: `champion` or `challenger`.
        reason: Why it gets this alias.
        champion_before: The champion that it was compared with; None if there was none.
    """

    alias: str
    reason: str
    champion_before: Champion | None


class DecisionSettings(PromotionOptions, ComparisonOptions):
    """Settings of the comparison and of the promotion."""


class Comparison(Artifact):
    """The leaderboard and what was decided.

    Attributes:
        rows: Configurations, best first.
        verdict: Which student ships.
        promotion: Whether it becomes champion.
        teacher: The teacher's evaluation.
        data: The data card.
        settings: Of the comparison and the promotion.
        profile: Facts of the teacher's spectral profile.
    """

    KIND: ClassVar[str] = "comparison"
    FILE: ClassVar[str] = "leaderboard.json"

    schema_version: Literal[1] = 1
    rows: list[Row]
    verdict: Verdict
    promotion: Promotion
    teacher: TeacherEvaluation
    data: DataCard
    settings: DecisionSettings
    profile: ProfileFacts

    @property
    def shipped(self) -> Row:
        """The row of the student to ship."""
        return next(row for row in self.rows if row.student == self.verdict.ship)
