"""A study's plan: which students to train, under which common settings.

settings:            # as for `spectral-distill run`; candidates are made from the grid
  data: path/to/banking77
seeds: [0, 1]
reference: uniform-3L     # the configuration that the others are tested against
candidates:          # every field takes a value or a list; all combinations are trained
  - {strategy: [uniform, spectral_intensity], layers: [3, 4], alignment: [none, spectral]}
  - {strategy: manual, layers: 3, teacher_layers: all}      # every subset of 3 layers
"""

import itertools
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from spectral_distill.core.errors import UserError
from spectral_distill.core.options import Options
from spectral_distill.distillation.candidates import Candidate, parse_candidate
from spectral_distill.run_settings import Settings
from spectral_distill.selection.request import check_depth


class Plan(Options):
    """A study, as its YAML file declares it.

    Attributes:
        settings: Common settings of all runs.
        seeds: Seeds of every configuration.
        reference: Configuration that the others are tested against.
        candidates: Entries whose fields take a value or a list; all combinations are trained.
        margin: Largest accepted loss against the teacher, as a share of texts.
        frozen_anchor: Whether to score the teacher's frozen checkpoint with a linear classifier beside the students.

    Raises:
        UserError: A value is invalid or a name is unknown.
    """

    settings: dict[str, Any] = Field(default_factory=dict)
    seeds: list[int] = Field(min_length=1)
    reference: str = Field(min_length=1)
    candidates: list[dict[str, Any]] = Field(min_length=1)
    margin: float = Field(0.003, ge=0, lt=1)
    frozen_anchor: bool = True

    def common_settings(self) -> Settings:
        """Validate the common settings.

        Returns:
            The settings of all runs.

        Raises:
            UserError: A setting is invalid.
        """
        return Settings(**self.settings)

    def students(self, depth: int | None) -> list[Candidate]:
        """List every combination of every entry with every seed, each once, seeds outermost.

        Args:
            depth: Number of the teacher's layers; None if unknown. Entries that ask for all subsets then stand for
                their first one.

        Returns:
            The candidates.

        Raises:
            UserError: A candidate is invalid, the teacher has too few layers, or no configuration is the reference.
        """
        configurations = [
            (f"candidates[{index}]", combination)
            for index, entry in enumerate(self.candidates)
            for combination in _combinations(entry, depth, f"candidates[{index}]")
        ]
        found: dict[str, Candidate] = {}
        for seed, (where, configuration) in itertools.product(self.seeds, configurations):
            candidate = parse_candidate({**configuration, "seed": seed}, where)
            if depth is not None:
                check_depth(candidate, depth, where)
            found.setdefault(candidate.name, candidate)
        awaited = depth is None and any(entry.get("teacher_layers") == "all" for entry in self.candidates)
        if not awaited and self.reference not in {candidate.configuration for candidate in found.values()}:
            raise UserError(f"reference: found {self.reference!r}, expected one of the study's configurations")
        return list(found.values())


def _combinations(entry: dict[str, Any], depth: int | None, where: str) -> Iterator[dict[str, Any]]:
    if entry.get("teacher_layers") == "all":
        if not isinstance(entry.get("layers"), int):
            raise UserError(f"{where}: teacher_layers: all needs one number of layers, found {entry.get('layers')!r}")
        subsets = [list(layers) for layers in itertools.combinations(range(depth or entry["layers"]), entry["layers"])]
        entry = {**entry, "teacher_layers": subsets}
    elif "teacher_layers" in entry:
        entry = {**entry, "teacher_layers": [entry["teacher_layers"]]}
    values = [value if isinstance(value, list) else [value] for value in entry.values()]
    for combination in itertools.product(*values):
        yield dict(zip(entry, combination, strict=True))
