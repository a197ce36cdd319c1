"""Capture of the teacher signals: one forward pass over the transfer set and the validation texts."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from datasets import Dataset, DatasetDict

from spectral_distill.core.progress import emit
from spectral_distill.core.settings import SignalOptions
from spectral_distill.data.dataset import transfer_set
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.checking import check_students
from spectral_distill.distillation.features import extract, width
from spectral_distill.distillation.signals import TextSignals, write_signals
from spectral_distill.distillation.signals_facts import Feature, SignalsFacts
from spectral_distill.models.encoder_layers import depth, run_with_states
from spectral_distill.models.precision import full_products, inference_in
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.selection.mapping import Selection, Selections
from spectral_distill.storage.uris import whole_folder

_GIB = 1 << 30
_BATCH = 64


def capture(
    *,
    teacher: TextClassifier,
    data: DatasetDict,
    candidates: Sequence[Candidate],
    selections: Mapping[str, Selection],
    options: SignalOptions,
    checkpoints: Mapping[str, str],
    target: str | Path,
) -> SignalsFacts:
    """Record the teacher's logits and hidden states, and save them with the layer mappings.

    Hidden states are recorded only for the features and layers that candidates align to. Features that do not fit into
    the budget are left out, the largest first; the students that need them run the teacher in every step.

    Args:
        teacher: The teacher.
        data: The dataset: splits `train`, `validation` and optionally `unlabelled`.
        candidates: The students that will learn from the signals.
        selections: Layer mapping of each candidate, by the candidate's name.
        options: The budget for hidden states, in GiB.
        checkpoints: Pinned version of each checkpoint that a candidate starts from, by URI. It is passed on to the
            students through the facts.
        target: Folder to write, as an atomic directory.

    Returns:
        The facts of the artifact, as saved in `signals.json`.

    Raises:
        UserError: A student that starts from a checkpoint of its own cannot learn from these signals.
    """
    transfer = transfer_set(data)
    check_students(candidates, checkpoints, teacher, transfer["text"])
    tokens = sum(len(ids) for ids in teacher.tokenize(transfer["text"]))
    wanted = _wanted(candidates, selections, int(teacher.model.config.hidden_size))
    sizes = {name: about.bytes_of(_rows(name, transfer, tokens)) / _GIB for name, about in wanted.items()}
    recorded = _within(sizes, options.signals_budget_gib)
    for name in sorted(set(wanted) - recorded):
        emit(
            "note",
            message=f"{name} of the teacher's hidden states need {sizes[name]:.2f} GiB, over the budget of "
            f"{options.signals_budget_gib:g}: students that align to them will run the teacher in every step",
        )
    features = {name: about for name, about in wanted.items() if name in recorded}
    facts = SignalsFacts(
        texts=len(transfer),
        tokens=tokens,
        depth=depth(teacher.model),
        gib={name: round(size, 4) for name, size in sizes.items()},
        over_budget=sorted(set(wanted) - recorded),
        checkpoints=dict(checkpoints),
        signals_budget_gib=options.signals_budget_gib,
        features=features,
    )
    with whole_folder(target) as folder, inference_in(teacher.precision):
        write_signals(_record(teacher, data, features), facts, folder)
        Selections(selections=dict(selections)).save(folder)
    return facts


def _wanted(candidates: Sequence[Candidate], selections: Mapping[str, Selection], channels: int) -> dict[str, Feature]:
    layers: dict[str, set[int]] = {}
    for candidate in candidates:
        if candidate.aligns:
            layers.setdefault(candidate.features, set()).update(
                selections[candidate.name].targets(candidate.aligned_layers)
            )
    return {name: Feature(layers=sorted(found), width=width(name, channels)) for name, found in layers.items()}


def _rows(name: str, transfer: Dataset, tokens: int) -> int:
    return len(transfer) if name == "pooled" else tokens


def _within(sizes: Mapping[str, float], budget: float) -> set[str]:
    """The features that fit into the budget together, smallest first."""
    chosen, total = set(), 0.0
    for name, size in sorted(sizes.items(), key=lambda item: item[1]):
        total += size
        if total <= budget:
            chosen.add(name)
    return chosen


def _record(teacher: TextClassifier, data: DatasetDict, features: Mapping[str, Feature]) -> Iterator[list[TextSignals]]:
    yield from _record_split(teacher, transfer_set(data), features, "capture")
    yield from _record_split(teacher, data["validation"], {}, "")


def _record_split(
    teacher: TextClassifier, split: Dataset, features: Mapping[str, Feature], what: str
) -> Iterator[list[TextSignals]]:
    ids, texts = split["id"][:], split["text"][:]
    teacher.model.eval()
    for positions, batch in teacher.batches(texts, _BATCH, what):
        outputs, states = run_with_states(teacher.model, **batch) if features else (teacher.model(**batch), ())
        recorded = {name: _stacked(name, about, states, batch["attention_mask"]) for name, about in features.items()}
        logits = outputs.logits.float().cpu().numpy()
        yield [
            TextSignals(
                id=ids[int(position)],
                logits=logits[row],
                features={name: values[row][:, mask[row]] for name, (values, mask) in recorded.items()},
            )
            for row, position in enumerate(positions)
        ]


def _stacked(
    name: str, about: Feature, hidden_states: Sequence[torch.Tensor], mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack a feature over its layers. State 0 is the embeddings.

    Returns:
        The feature, bfloat16 [B, layers, L, W], and its mask, boolean [B, L].
    """
    with full_products():
        found = [extract(name, hidden_states[layer + 1], mask) for layer in about.layers]
    return torch.stack([values for values, _ in found], dim=1).bfloat16().cpu(), found[0][1].bool().cpu()
