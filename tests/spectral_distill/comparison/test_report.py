"""The report: self-contained, escaped, whole, and the same bytes for the same run."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from spectral_distill.comparison.artifact import Comparison
from spectral_distill.comparison.promotion import decide
from spectral_distill.comparison.ranking import Contestant, correct_on_test, rank
from spectral_distill.comparison.report import render_report
from spectral_distill.comparison.report_tables import (
    ConfusionRow,
    ReliabilityBin,
    confusion,
    reliability_bins,
    spectral_findings,
)
from spectral_distill.core.settings import ComparisonOptions, PromotionOptions
from spectral_distill.distillation.candidates import parse_candidate
from spectral_distill.evaluation.artifact import Evaluation
from spectral_distill.evaluation.scores import score
from spectral_distill.spectra.profile import SpectralMeter, SpectralProfile
from tests.support.artifacts import signals_facts
from tests.support.profiles import measure

DEPTH, CHANNELS, TEXTS = 4, 64, 120
LABELS = ["lost_card", "top_up", "refund", "exchange_rate"]
HOSTILE = '<script>alert("x")</script>$\\frac{'
SECTIONS = ["leaderboard", "request", "data", "spectrum", "student", "settings"]


@dataclass
class Run:
    """What one run hands to the report."""

    leaderboard: Comparison
    profile: SpectralProfile
    predictions: pd.DataFrame

    def report(self) -> str:
        return render_report(self.leaderboard, self.profile, self.predictions)


def answers(wrong: float, seed: int, labels: list[str] = LABELS, out_of_scope: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    true = rng.integers(len(labels), size=TEXTS)
    predicted = np.where(rng.random(TEXTS) < wrong, (true + 1) % len(labels), true)
    names = np.array(labels, dtype=object)
    table = pd.DataFrame({
        "id": [str(index) for index in range(TEXTS)], "split": "test", "text": [f"text {n}" for n in range(TEXTS)],
        "label": names[true], "predicted": names[predicted], "confidence": rng.uniform(0.3, 1, TEXTS),
    })  # fmt: skip
    if out_of_scope:
        table.loc[: TEXTS // 4, ["split", "label"]] = ["out_of_scope", None]
    return table


def random_profile(state: Callable[[int], torch.Tensor] | None = None) -> SpectralProfile:
    generator = torch.Generator().manual_seed(0)
    meter = SpectralMeter(clip_sigmas=5.0)
    draw = state or (lambda layer: (1 + layer) * torch.randn(8, 16, CHANNELS, generator=generator))
    measure(meter, [draw(layer) for layer in range(DEPTH + 1)], torch.ones(8, 16), torch.arange(8))
    return meter.profile(bins=0)


def evaluation(candidate: dict[str, Any], predictions: pd.DataFrame) -> Evaluation:
    made = parse_candidate(candidate)
    times = {"p50_ms": 4.0, "p95_ms": 5.0, "texts_per_s": 250.0}
    speed = {f"{who}_{name}": value for who in ("student", "teacher") for name, value in times.items()}
    speed["speedup"] = 2.5
    return Evaluation.model_validate({
        "name": made.name, "configuration": made.configuration, "candidate": made,
        "settings": {"student_epochs": 7, "student_learning_rate": 0.00031, "latency_batches": 41},
        "signals": signals_facts({}, over_budget=["tokens"], gib={"tokens": 0.27}, signals_budget_gib=0.2),
        "scores": {**score(predictions).model_dump(), "agreement": 0.9, "retention": 0.95},
        "size": {"parameters": 17_000, "bytes": 68_000, "teacher_parameters": 22_000, "teacher_bytes": 88_000},
        "teacher_layers": [0, 3],
        "fidelity": [
            {"student_layer": -1, "teacher_layers": [[-1, 1.0]], "channel": 0.01, "token": 0.02},
            {"student_layer": 0, "teacher_layers": [[0, 0.3], [1, 0.7]], "channel": 0.1, "token": 0.2},
        ],
        "speed": {"batch_1": speed, "batch_32": speed},
    })  # fmt: skip


def data_card(labels: list[str]) -> dict[str, Any]:
    either = {"text": "either", "labels": labels[:2]}
    split = {"texts": TEXTS, "words_mean": 7.5, "words_max": 21, "texts_by_label": dict.fromkeys(labels, 30)}
    return {
        "source": "s3://bucket/intents", "version": "etag:abc123", "labels": labels,
        "further_sources": {"unlabelled": {"source": "s3://bucket/log.csv", "version": "etag:def456"}},
        "splits": dict.fromkeys(("train", "validation", "test"), split),
        "cleaning": {
            "rows_read": {"train": 401, "test": 121}, "empty_removed": {"train": 2, "test": 1},
            "conflicting_labels_removed": {"train": {"texts": 1, "examples": [either]}},
            "duplicates_removed": {"train": 13}, "duplicates_kept_in_test": 6, "leaks_removed": {"train": 17},
            "labels_missing": {"test": []}, "splits_made": ["validation"],
        },
        "settings": {
            "data_text_column": "text", "data_label_column": "intent", "data_validation_share": 0.11,
            "data_split_seed": 19,
        },
    }  # fmt: skip


def make_run(*, seeds: int = 1, labels: list[str] = LABELS, out_of_scope: bool = False) -> Run:
    contestants, tables, evaluations = [], {}, {}
    for strategy, wrong in (("uniform", 0.3), ("spectral_intensity", 0.2)):
        for seed in range(seeds):
            table = answers(wrong, seed + 1, labels, out_of_scope)
            found = evaluation({"strategy": strategy, "layers": 2, "seed": seed, "temperature": 3.5}, table)
            contestants.append(
                Contestant(
                    name=found.name, configuration=found.configuration, seed=seed, parameters=17_000,
                    correct=correct_on_test(table),
                )
            )  # fmt: skip
            tables[found.name], evaluations[found.name] = table, found
    teacher = answers(0.1, 0, labels, out_of_scope)
    ranking = rank(contestants, correct_on_test(teacher), ComparisonOptions())
    profile, promotion = random_profile(), PromotionOptions(promotion_model="our-intents", promotion_margin=0.0123)
    settings = {"teacher": "hf://org/teacher", "teacher_version": "etag:fed987", "teacher_epochs": 9}
    leaderboard = {
        "rows": [{**dict(row), "evaluation": evaluations[row.student]} for row in ranking.standings],
        "verdict": ranking.verdict,
        "promotion": decide(0.9, 5.0, None, promotion),
        "teacher": {"scores": score(teacher), "settings": settings},
        "data": data_card(labels),
        "settings": {**ComparisonOptions().model_dump(), **promotion.model_dump()},
        "profile": profile.facts,
    }
    return Run(Comparison.model_validate(leaderboard), profile, tables[ranking.verdict.ship])


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run()


@pytest.fixture(scope="module")
def page(run: Run) -> str:
    return run.report()


class Outline(HTMLParser):
    """Tags with their attributes, and the text outside style and script."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.tags if "id" in attributes]


def test_needs_nothing_from_outside(page: str) -> None:
    outline = Outline(page)
    for tag, attributes in outline.tags:
        assert tag not in ("link", "base", "iframe", "object", "embed")
        for name in ("src", "srcset", "href", "xlink:href", "action", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/")), (tag, attributes)
    assert not re.search(r"@import|@font-face|url\((?!#)", page)
    assert not re.search(r"localStorage|sessionStorage|document\.cookie|fetch\(", page)


def test_every_link_inside_the_page_has_its_target_and_no_id_stands_twice(page: str) -> None:
    ids = Outline(page).ids()
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page))
    assert targets and {first or second for first, second in targets} <= set(ids)


def test_sections_stand_in_order_and_headings_skip_no_level(page: str) -> None:
    outline = Outline(page)
    assert [name for name in outline.ids() if name in SECTIONS] == SECTIONS
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_is_accessible(page: str) -> None:
    tags = Outline(page).tags
    assert ("html", {"lang": "en"}) in tags
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    pictures = [attributes for tag, attributes in tags if tag == "svg"]
    assert len(pictures) == 5
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
    assert page.count("<figure>") == page.count("<figcaption>") == len(pictures)


def test_takes_its_colours_from_light_and_dark(page: str) -> None:
    assert "color-scheme: light dark" in page
    assert "@media (prefers-color-scheme: dark)" in page
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    assert "currentColor" in drawn
    assert not re.search(r"(fill|stroke): ?(#000000|#ffffff|black|white)", drawn)


def test_every_setting_appears(run: Run, page: str) -> None:
    board, text = run.leaderboard.model_dump(exclude={"profile": {"schema_version"}}), Outline(page).text
    student = board["rows"][0]["evaluation"]
    del student["signals"]["schema_version"]
    groups = [
        board["data"]["settings"], *board["data"]["further_sources"].values(), board["teacher"]["settings"],
        board["profile"], board["settings"],
        student["signals"], student["settings"],
    ]  # fmt: skip
    for name, value in (item for group in groups for item in group.items()):
        if isinstance(value, dict):
            assert all(f"{name}.{key} {inner}" in text for key, inner in value.items())
        else:
            shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
            assert f"{name} {', '.join(value) if isinstance(value, list) else shown or 'none'}" in text
    assert board["data"]["version"] in text
    assert "3.5" in text, "the candidates' own settings"


def test_headline_and_data_card_give_the_numbers(run: Run, page: str) -> None:
    text = Outline(page).text
    assert run.leaderboard.verdict.reason in text
    assert "becomes champion of our-intents : there is no champion yet" in text
    assert f"{run.leaderboard.shipped.accuracy:.2%} of the test texts right" in text
    assert "train 401 2 13 1 17" in text, "rows read, empty, duplicates, conflicts, leaks"
    assert "“either”: lost_card, top_up" in text
    assert "0 0 (0.3), 1 (0.7) 0.100 0.200" in text, "student layer, weighted teacher layers, distances"


def test_hostile_names_and_texts_stay_text() -> None:
    labels = [HOSTILE, '"><img src=x onerror=alert(1)>', *LABELS[2:]]
    hostile = make_run(labels=labels)
    hostile.predictions["text"] = HOSTILE
    board = hostile.leaderboard.model_dump()
    for row in board["rows"]:
        row["configuration"] += HOSTILE
    board["teacher"]["settings"]["teacher"] = HOSTILE
    hostile.leaderboard = Comparison.model_validate(board)
    page = hostile.report()
    assert page.count("<script>") == 1, "the report's own"
    assert "<img" not in page
    assert HOSTILE in unescape(page)


def test_the_same_run_gives_the_same_bytes(run: Run, page: str) -> None:
    assert run.report() == page


def test_optional_numbers_show_only_where_they_were_measured(page: str) -> None:
    full = make_run(seeds=3, out_of_scope=True)
    board = full.leaderboard.model_dump()
    board["promotion"]["champion_before"] = {"version": 12, "problem": "it is gone"}
    full.leaderboard = Comparison.model_validate(board)
    with_all, without = Outline(full.report()).text, Outline(page).text
    for words in (
        "95% over seeds", "in the mean of 3 seeds", "Out-of-scope AUROC", "with an AUROC of",
        "The champion before this run was version 12.",
    ):  # fmt: skip
        assert words in with_all and words not in without


def test_splits_without_labels_are_counted_but_have_no_column_of_labels() -> None:
    found = make_run()
    split = {"texts": 4321, "words_mean": 7.5, "words_max": 21, "texts_by_label": {}}
    board = found.leaderboard.model_dump()
    board["data"]["splits"] |= {"unlabelled": split}
    board["data"]["cleaning"] |= {
        "unlabelled_removed": {"duplicates": 1234, "in_another_split": 17, "test_texts_once_labelled": 2345},
        "altered_copies": {"made": 3456, "kept": 2109},
    }
    found.leaderboard = Comparison.model_validate(board)
    page = Outline(found.report()).text
    assert all(words in page for words in ("4,321", "1,234 that stand there twice", "2,345 that would be test texts"))
    assert "among the unlabelled ones: 2,109; of 3,456 made" in page
    assert page.count("unlabelled") == 4, "a split, where copies went, its source and version"


def test_a_student_without_mistakes_has_no_confusions() -> None:
    perfect = make_run()
    perfect.predictions["predicted"] = perfect.predictions["label"]
    assert "Not one test text was answered wrong." in Outline(perfect.report()).text


def test_noise_is_called_white_and_an_order_of_channels_is_not() -> None:
    noise = spectral_findings(random_profile())
    assert noise.white and noise.order_irrelevant
    assert noise.ratio == pytest.approx((0.886, 0.886), abs=0.02)
    wave = torch.sin(2 * torch.pi * 3 * torch.arange(CHANNELS) / CHANNELS).expand(8, 16, CHANNELS)
    ordered = make_run()
    ordered.profile = random_profile(lambda layer: wave)
    found = spectral_findings(ordered.profile)
    assert not found.white and not found.order_irrelevant
    assert "the order of channels does count" in Outline(ordered.report()).text


def test_confusion_counts_every_text_of_its_rows() -> None:
    test = pd.DataFrame({"label": list("aaabbc"), "predicted": list("aabcbc"), "confidence": 0.5})
    rows = confusion(test, ["a", "b"])
    assert rows == [
        ConfusionRow(label="a", counts=[2, 1], others=0, total=3),
        ConfusionRow(label="b", counts=[0, 1], others=1, total=2),
    ]


def test_reliability_bins_by_hand() -> None:
    test = pd.DataFrame({"label": list("aaaa"), "predicted": list("aaba"), "confidence": [0.11, 0.95, 1.0, 0.93]})
    low, high = reliability_bins(test)
    assert low == ReliabilityBin(low=0.1, high=0.2, confidence=0.11, accuracy=1, texts=1)
    assert (high.low, high.high, high.texts) == (0.9, 1.0, 3)
    assert (high.confidence, high.accuracy) == pytest.approx((0.96, 2 / 3))
