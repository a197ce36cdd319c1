"""A teacher of RoBERTa-large's shape (24 layers of 1024, random weights): profiled, captured, distilled; peak memory.

python benchmarks/large_teacher.py [--output benchmarks/results]
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from distil import capture_for, distil
from measure import encoder, intents, report

from spectral_distill.distillation.candidates import Candidate
from spectral_distill.selection.strategies import select
from spectral_distill.spectra.profile import profile_classifier

_TEXTS = 256
_CANDIDATE = Candidate(strategy="spectral_coverage", layers=12, alignment="spectral")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="benchmarks/results")
    output = parser.parse_args().output
    teacher, data, rows = encoder(24, 1024), intents(_TEXTS), []

    started = time.perf_counter()
    profile = profile_classifier(teacher, data["train"]["text"], bins=0, clip_sigmas=5.0)
    rows.append(_row("profile", started))

    selection = select(profile, _CANDIDATE)
    with tempfile.TemporaryDirectory() as scratch:
        signals = Path(scratch) / "signals"
        started = time.perf_counter()
        capture_for([(_CANDIDATE, selection)], teacher, data, signals)
        rows.append(_row("capture", started))

        started = time.perf_counter()
        distil(_CANDIDATE, selection, teacher, data, signals, epochs=1)
        rows.append(_row("distil 12 of 24, one epoch", started))
    report("large_teacher", rows, output)


def _row(what: str, started: float) -> dict[str, object]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"step": what, "texts": _TEXTS, "s": time.perf_counter() - started, "peak memory so far, GiB": peak}


if __name__ == "__main__":
    main()
