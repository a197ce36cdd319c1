"""What the benchmarks share: interleaved timing, a table, a JSON file."""

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForSequenceClassification, BertConfig

from spectral_distill.data.demo import bike_share
from spectral_distill.models import demo_checkpoint as minilm
from spectral_distill.models.text_classifier import TextClassifier, load_classifier

LABELS = [f"intent {number}" for number in range(77)]
MAX_TOKENS = 64


def interleaved(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each round; rounds alternate, so that a slow minute hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            seconds[name].append(seconds_of(run))
    return seconds


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_ratio(first: Sequence[float], second: Sequence[float]) -> float:
    """Median over rounds of first / second."""
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


def report(name: str, rows: Sequence[Mapping[str, object]], output: str) -> None:
    """Print rows as a table and write them as JSON."""
    table = Table(*rows[0].keys(), title=name, title_justify="left")
    for row in rows:
        table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(width=140).print(table)
    Path(output).mkdir(parents=True, exist_ok=True)
    (Path(output) / f"{name}.json").write_text(json.dumps(list(rows), indent=2), encoding="utf-8")


def texts(count: int) -> list[str]:
    """Texts of the synthetic bike-share set, repeated with a number where more are wanted."""
    known = [text for text, _ in bike_share.generate()]
    return [f"{known[index % len(known)]} {index // len(known) or ''}".strip() for index in range(count)]


def intents(count: int) -> DatasetDict:
    """That many training texts and 64 held-out ones, with made-up labels: what a step is timed on."""
    features = Features({"id": Value("string"), "text": Value("string"), "label": ClassLabel(names=LABELS)})
    words = texts(count + 64)
    rows = {
        "id": [str(index) for index in range(len(words))],
        "text": words,
        "label": [index % len(LABELS) for index in range(len(words))],
    }
    whole = Dataset.from_dict(rows, features=features)
    held_out = whole.select(range(count, len(words)))
    return DatasetDict(train=whole.select(range(count)), validation=held_out, test=held_out)


def encoder(layers: int, channels: int) -> TextClassifier:
    """A BERT of that shape with random weights and MiniLM's tokenizer: speed does not depend on the weights."""
    torch.manual_seed(0)
    tokenizer = load_classifier(minilm.folder(), max_tokens=MAX_TOKENS, labels=LABELS).tokenizer
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=channels,
        num_hidden_layers=layers,
        num_attention_heads=channels // 64,
        intermediate_size=4 * channels,
        num_labels=len(LABELS),
    )
    return TextClassifier(model=AutoModelForSequenceClassification.from_config(config), tokenizer=tokenizer)
