"""Small real things that tests are made of: texts, a tokenizer, models, profiles."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import ClassLabel, Dataset, Features, Value
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from spectral_distill.core.settings import PreparationOptions
from spectral_distill.data.card import Cleaning, DataCard
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.signals_facts import Feature, SignalsFacts
from spectral_distill.evaluation.artifact import Evaluation
from spectral_distill.spectra.profile import SpectralMeter, SpectralProfile
from spectral_distill.spectra.profile_facts import ProfileFacts
from spectral_distill.tracking.pipeline_run import Run

LABELS = ["cancel", "refund", "track", "upgrade"]
NO_RUN = Run(None)
MAX_TOKENS = 64

_VERBS = {
    "cancel": ["cancel", "stop"],
    "refund": ["refund", "repay"],
    "track": ["track", "find"],
    "upgrade": ["upgrade", "extend"],
}
_THINGS = {
    "cancel": ["order", "booking"],
    "refund": ["money", "payment"],
    "track": ["parcel", "letter"],
    "upgrade": ["plan", "contract"],
}
_OPENINGS = ["", "please", "can you", "i want to", "hello"]
_OWNERS = ["my", "the"]
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def intents() -> list[tuple[str, str]]:
    """160 different (text, label) pairs, 40 a label and labels in turn; verb and object tell the label."""
    choices = itertools.product(_OPENINGS, _OWNERS, (0, 1), (0, 1), LABELS)
    return [
        (f"{opening} {_VERBS[label][verb]} {owner} {_THINGS[label][thing]}".strip(), label)
        for opening, owner, verb, thing, label in choices
    ]


def out_of_scope() -> list[str]:
    return ["what a nice day", "sing me a song", "who won", "is it raining up north", "tell me a joke", "one two"]


def split_of(rows: Sequence[tuple[str, str | None]]) -> Dataset:
    """(text, label) pairs as a split of the data artifact; label None is out of scope."""
    features = Features({"id": Value("string"), "text": Value("string"), "label": ClassLabel(names=LABELS)})
    columns = {
        "id": [hashlib.sha256(text.encode()).hexdigest()[:16] for text, _ in rows],
        "text": [text for text, _ in rows],
        "label": [-1 if label is None else LABELS.index(label) for _, label in rows],
    }
    return Dataset.from_dict(columns, features=features)


def tiny_tokenizer(*, letters_only: bool = False, backwards: bool = False) -> PreTrainedTokenizerFast:
    """WordPiece over the words of the tiny intents; every other word, or every word at all, falls into letters.

    `backwards` cuts the same pieces, numbers them from the last to the first, and pads on the left.
    """
    words = [] if letters_only else sorted({word for text, _ in intents() for word in text.split()})
    ordinary = [*words, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)]
    pieces = dict.fromkeys([*_SPECIAL, *(reversed(ordinary) if backwards else ordinary)])
    tokenizer = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=MAX_TOKENS, pad_token="[PAD]", unk_token="[UNK]",
        cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]", padding_side="left" if backwards else "right",
    )  # fmt: skip


def tiny_bert_config(**changes: Any) -> BertConfig:
    """Four layers of 32 channels. Weights start wide, so that layers do something even untrained."""
    sizes: dict[str, Any] = {
        "vocab_size": len(tiny_tokenizer()), "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": MAX_TOKENS, "initializer_range": 0.1,
    }  # fmt: skip
    return BertConfig(**sizes | changes)


def save_tiny_encoder(folder: Path, tokenizer: PreTrainedTokenizerFast) -> str:
    """A checkpoint for students to start from: three layers, half as wide as the teacher of `tiny_bert_config`."""
    torch.manual_seed(1)
    config = tiny_bert_config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=3, initializer_range=0.2
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def profile_of(intensity: Sequence[float], **arrays: Tensor) -> SpectralProfile:
    """A profile of a teacher whose encoder layers have the given channel intensities; the embeddings have the most."""
    with_embeddings = torch.tensor([1000.0, *intensity], dtype=torch.float64)
    return SpectralProfile(
        arrays={"channel/state/raw/intensity": with_embeddings, **arrays}, facts=profile_facts(depth=len(intensity))
    )


def profile_facts(**known: Any) -> ProfileFacts:
    """Facts of a profile of which only these matter."""
    counts = ("depth", "channels", "texts", "tokens", "token_stride", "sample_texts", "cka_texts", "bins", "bands")
    others = {"clip_sigmas": 1.0, "token_grid_points": 0, "normalisation": "", "frequency_unit": {}}
    return ProfileFacts(**dict.fromkeys(counts, 0) | others | known)


def signals_facts(features: Mapping[str, Feature], **known: Any) -> SignalsFacts:
    """Facts of signals of which only these matter."""
    nothing: dict[str, Any] = {"texts": 0, "tokens": 0, "depth": 0, "gib": {}, "over_budget": [], "checkpoints": {}}
    return SignalsFacts(**nothing | {"signals_budget_gib": 0.0, "features": dict(features)} | known)


def tiny_card() -> DataCard:
    """A data card of the tiny intents that counts nothing."""
    return DataCard(
        source="tiny", version="", further_sources={}, labels=LABELS, splits={}, cleaning=Cleaning(rows_read={}),
        settings=PreparationOptions(),
    )  # fmt: skip


def student_evaluation(candidate: Candidate, **known: Any) -> Evaluation:
    """An evaluation of which only these matter; the student is a tenth of the teacher's size, three times as fast."""
    latency = {f"{who}_{name}": 1.0 for who in ("student", "teacher") for name in ("p50_ms", "p95_ms", "texts_per_s")}
    scores = {"accuracy": 0.9, "macro_f1": 0.9, "ece": 0.1, "agreement": 0.9, "retention": 0.95}
    nothing: dict[str, Any] = {
        "name": candidate.name, "configuration": candidate.configuration, "candidate": candidate, "settings": {},
        "signals": signals_facts({}), "scores": scores, "teacher_layers": [], "fidelity": [],
        "size": {"parameters": 5, "bytes": 20, "teacher_parameters": 50, "teacher_bytes": 200},
        "speed": {size: {**latency, "speedup": 3.0} for size in ("batch_1", "batch_32")},
    }  # fmt: skip
    return Evaluation.model_validate(nothing | known)


def measure(meter: SpectralMeter, states: Sequence[Tensor], mask: Tensor, positions: Tensor) -> None:
    """Show the meter a batch: D + 1 states [B, L, H], their mask [B, L] and the texts' positions [B]."""
    with meter.batch(mask, positions) as show:
        for layer in states:
            show(layer)


def same_weights(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Whether two state dicts hold the same tensors, bit by bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
