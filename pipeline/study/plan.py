"""A study's plan: which students to train, under which common settings.

settings:            # as for `spectral-distill run`; candidates are made from the grid
  data: path/to/banking77
seeds: [0, 1]
reference: uniform-3L     # the configuration that the others are tested against
candidates:          # every field takes a value or a list; all combinations are trained
  - {strategy: [uniform, spectral_intensity], layers: [3, 4], alignment: [none, spectral]}
  - {strategy: manual, layers: 3, teacher_layers: all}      # every way to keep 3 layers
"""

import itertools
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from components.foundation.candidates import Candidate, check_depth, parse_candidate
from components.foundation.errors import UserError
from components.foundation.options import Options
from components.foundation.settings import Settings


class Plan(Options):
    """A study as its file gives it."""

    settings: dict[str, Any] = Field(default_factory=dict)
    seeds: list[int] = Field(min_length=1)
    reference: str = Field(min_length=1)
    candidates: list[dict[str, Any]] = Field(min_length=1)
    margin: float = Field(0.003, ge=0, lt=1)
    """How much worse than the teacher, as a share of texts, still counts as not worse."""
    frozen_anchor: bool = True
    """Whether the teacher's checkpoint, frozen and with a linear classifier, is scored beside the students."""

    def common_settings(self) -> Settings:
        return Settings(**self.settings)

    def students(self, depth: int | None) -> list[Candidate]:
        """Every combination of every entry with every seed, each once, seeds outermost; for a teacher of `depth`.

        With a depth that is not known yet, entries that ask for all subsets stand for their first one.
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
