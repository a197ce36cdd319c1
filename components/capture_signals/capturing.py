"""One pass of the teacher over the training texts, recorded."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from datasets import DatasetDict

from components.capture_signals.options import SignalOptions
from components.foundation.candidates import parse_candidates
from components.foundation.layer_stack import depth
from components.foundation.progress import emit
from components.foundation.signals import TextSignals, hidden_bytes, write_signals
from components.foundation.storage import whole_folder
from components.foundation.text_model import TextClassifier

_GIB = 1 << 30
_BATCH = 64


def capture(
    teacher: TextClassifier, data: DatasetDict, candidates: list[object], options: SignalOptions, target: str | Path
) -> dict[str, object]:
    """Record logits, and hidden states where a candidate aligns them and they fit the budget; returns the facts."""
    train = data["train"]
    tokens = sum(len(ids) for ids in teacher.tokenize(train["text"]))
    layers, channels = depth(teacher.model), int(teacher.model.config.hidden_size)
    size = hidden_bytes(tokens, layers, channels) / _GIB
    wanted = any(candidate.alignment != "none" for candidate in parse_candidates(candidates))
    fits = size <= options.signals_budget_gib
    if wanted and not fits:
        emit(
            "note", message=f"hidden states need {size:.1f} GiB, over the budget: students will run the teacher online"
        )
    facts = {
        "texts": len(train),
        "tokens": tokens,
        "depth": layers,
        "channels": channels,
        "hidden": wanted and fits,
        "hidden_wanted": wanted,
        "hidden_gib": round(size, 3),
        **options.model_dump(),
    }
    with whole_folder(target) as folder:
        write_signals(_record(teacher, train["id"], train["text"], hidden=wanted and fits), facts, folder)
    return facts


def _record(
    teacher: TextClassifier, ids: Sequence[str], texts: Sequence[str], *, hidden: bool
) -> Iterator[list[TextSignals]]:
    teacher.model.eval()
    with torch.inference_mode():
        for positions, batch in teacher.batches(texts, _BATCH, "capture"):
            outputs = teacher.model(**batch, output_hidden_states=hidden)
            mask = batch["attention_mask"].bool().cpu().numpy()
            states = torch.stack(outputs.hidden_states[1:], dim=1).half().cpu().numpy() if hidden else None
            logits = outputs.logits.float().cpu().numpy()
            yield [
                TextSignals(
                    id=ids[int(position)],
                    logits=logits[row],
                    tokens=int(mask[row].sum()),
                    hidden=None if states is None else np.ascontiguousarray(states[row][:, mask[row]]),
                )
                for row, position in enumerate(positions)
            ]
