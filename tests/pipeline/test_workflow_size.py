"""How many candidates fit into a run: the default ones stay readable for KFP's API, the most allowed are stored."""

import pytest

from components.resolve_data.resolving import MOST_CANDIDATES
from spectral_distill.core.settings import DEFAULT_CANDIDATES
from tests.pipeline.compiled import Compiled, read
from tests.pipeline.workflow_size import MIB, status_bytes
from tests.support.checkout import COMMITTED

_COMPRESSION = 12  # a real run's 1.24 MB became 100 kB


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return read(COMMITTED)


def test_a_run_of_the_default_candidates_stays_below_a_mebibyte(compiled: Compiled):
    assert status_bytes(compiled, len(DEFAULT_CANDIDATES)) < 0.9 * MIB


def test_the_most_candidates_fit_compressed_with_a_margin_of_two(compiled: Compiled):
    assert status_bytes(compiled, MOST_CANDIDATES) < _COMPRESSION * MIB / 2
