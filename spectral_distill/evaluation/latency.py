"""Model time of student and teacher for the same texts, measured one after the other in alternating order."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spectral_distill.core.settings import LatencyOptions
from spectral_distill.evaluation.artifact import Latency, Speed
from spectral_distill.models.text_classifier import TextClassifier

_WARM_UP = 3


def compare_speed(
    student: TextClassifier, teacher: TextClassifier, texts: Sequence[str], options: LatencyOptions
) -> Speed:
    """Measure the latency of single texts and the throughput of batches of 32.

    Each classifier uses its own tokenizer; tokenization is not timed. Student and teacher alternate in which runs
    first, so that a change of the machine's load affects both alike. Three batches of each warm up the models.

    Args:
        student: The student.
        teacher: The teacher.
        texts: Texts to run; they repeat if there are too few.
        options: Number of batches to time.

    Returns:
        Times in milliseconds, texts per second, and the speedup: the median over batches of teacher time / student
        time.
    """
    single, many = (_compare(student, teacher, texts, size, options.latency_batches) for size in (1, 32))
    return Speed(batch_1=single, batch_32=many)


def _compare(student: TextClassifier, teacher: TextClassifier, texts: Sequence[str], size: int, count: int) -> Latency:
    groups = [[texts[(index * size + offset) % len(texts)] for offset in range(size)] for index in range(count)]
    classifiers = {"student": student, "teacher": teacher}
    batches = {name: [it.collate(it.tokenize(group)) for group in groups] for name, it in classifiers.items()}
    models = {name: it.model.eval() for name, it in classifiers.items()}
    times = {name: np.zeros(count) for name in classifiers}
    with torch.inference_mode():
        for index in range(_WARM_UP):
            for name, model in models.items():
                _seconds(model, batches[name][index])
        for index in range(count):
            names = ("student", "teacher") if index % 2 else ("teacher", "student")
            for name in names:
                times[name][index] = _seconds(models[name], batches[name][index])
    return Latency(
        speedup=float(np.median(times["teacher"] / times["student"])),
        **{f"{name}_{key}": value for name, values in times.items() for key, value in _summary(values, size).items()},
    )


def _seconds(model: Any, batch: dict[str, Tensor]) -> float:
    started = time.perf_counter()
    model(**batch)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _summary(seconds: np.ndarray, size: int) -> dict[str, float]:
    p50, p95 = np.percentile(seconds, [50, 95])
    return {"p50_ms": 1000 * float(p50), "p95_ms": 1000 * float(p95), "texts_per_s": size / float(p50)}
