"""Text classifiers on disk and in memory: tokenizer and weights, safetensors only, no remote code."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import track
from spectral_distill.models.precision import Precision, resolve

_CHUNK = 1024
_PRECISION_FILE = "precision.json"


@dataclass(frozen=True, kw_only=True)
class TextClassifier:
    """A model and its tokenizer.

    The label names are in `model.config.id2label`, in the order of the classes.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    precision: Precision = "float32"
    """Format of matrix products in training and in recorded forward passes. The method `logits` always uses float32."""

    @property
    def max_tokens(self) -> int:
        """Maximum sequence length in tokens, special tokens included. Longer texts are truncated."""
        return int(self.tokenizer.model_max_length)

    @property
    def labels(self) -> list[str]:
        """Label names, in the order of the classes."""
        return label_names(self.model.config)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokenize texts.

        Args:
            texts: The texts.

        Returns:
            Token ids by text, with special tokens, truncated to `max_tokens`, not padded.
        """
        return self.tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"]

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Find where each token of a text begins and ends.

        The spans are equal for tokenizers that split texts alike, whatever ids their tokens have.

        Args:
            texts: The texts.

        Returns:
            By text, the (start, end) of each token in characters; (0, 0) for special tokens.
        """
        encoded = self.tokenizer(list(texts), truncation=True, max_length=self.max_tokens, return_offsets_mapping=True)
        return encoded["offset_mapping"]

    def collate(self, token_ids: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Pad token ids to the longest of the batch.

        Args:
            token_ids: Token ids by text.

        Returns:
            `input_ids` and `attention_mask` [B, L], on the model's device.
        """
        batch = self.tokenizer.pad({"input_ids": list(token_ids)}, return_tensors="pt", return_attention_mask=True)
        return {name: batch[name].to(self.model.device) for name in ("input_ids", "attention_mask")}

    def batches(
        self, texts: Sequence[str], size: int, what: str = "", *, ahead: Sequence[int] = ()
    ) -> Iterator[tuple[np.ndarray, dict[str, Tensor]]]:
        """Make batches of texts of similar length, longest first.

        Args:
            texts: The texts.
            size: Maximum number of texts in a batch.
            what: Name of the work in progress events; empty reports none.
            ahead: Counts of texts. The first n texts, for each n here, come before all other texts, in as few batches
                as they fill.

        Yields:
            The positions of the batch's texts, [B], and the batch as `collate` returns it.
        """
        token_ids = [
            ids for start in range(0, len(texts), _CHUNK) for ids in self._compact(texts[start : start + _CHUNK])
        ]

        def turn(place: int) -> tuple[int, int]:
            return sum(place >= count for count in ahead), -len(token_ids[place])

        order = np.array(sorted(range(len(token_ids)), key=turn), dtype=int)
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        for group in track(groups, what, len(groups)) if what else groups:
            yield group, self.collate([token_ids[index].tolist() for index in group])

    def _compact(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Tokenize into arrays, which need a tenth of a list's memory."""
        return [np.array(ids, dtype=np.int32) for ids in self.tokenize(texts)]

    def logits(self, texts: Sequence[str], batch_size: int = 64, what: str = "") -> np.ndarray:
        """Compute the class scores before softmax, in float32.

        Args:
            texts: The texts.
            batch_size: Maximum number of texts in a batch.
            what: Name of the work in progress events; empty reports none.

        Returns:
            Logits, float32 [texts, C].
        """
        self.model.eval()
        scores = np.empty((len(texts), self.model.config.num_labels), dtype=np.float32)
        with torch.inference_mode():
            for positions, batch in self.batches(texts, batch_size, what):
                scores[positions] = self.model(**batch).logits.float().cpu().numpy()
        return scores

    def save(self, folder: Path) -> None:
        """Save model, tokenizer and precision.

        Args:
            folder: An existing or new folder.
        """
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        (folder / _PRECISION_FILE).write_text(json.dumps({"precision": self.precision}), encoding="utf-8")


def load_classifier(
    folder: str | Path,
    *,
    max_tokens: int | None = None,
    labels: Sequence[str] | None = None,
    precision: Precision | None = None,
) -> TextClassifier:
    """Load a checkpoint from a folder.

    Args:
        folder: A folder that `save_pretrained` or `TextClassifier.save` wrote.
        max_tokens: Maximum sequence length in tokens; by default the tokenizer's own limit.
        labels: Labels of the classification head. The head gets new weights unless the checkpoint has a head of the
            same shape. By default the checkpoint must have a head.
        precision: The classifier's `precision`. By default the one that the folder records; if it records none, the
            format that `auto` resolves to on this machine.

    Returns:
        The classifier, on the GPU if there is one.

    Raises:
        UserError: The folder is not a loadable safetensors checkpoint with its tokenizer, or `max_tokens` is above its
            limit.
    """
    head = {}
    if labels is not None:
        head = {
            "num_labels": len(labels),
            "id2label": dict(enumerate(labels)),
            "label2id": {name: index for index, name in enumerate(labels)},
            "ignore_mismatched_sizes": True,
        }
    source = str(folder)
    load_config(source)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            source, use_safetensors=True, dtype=torch.float32, trust_remote_code=False, output_loading_info=True, **head
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"checkpoint {source}: cannot be loaded ({_first_sentence(error)}); expected a transformers encoder in "
            "safetensors with its tokenizer, no remote code"
        ) from error
    _check_weights(source, model, loading, new_head=labels is not None)
    if max_tokens is not None:
        _check_tokenizer(source, tokenizer, max_tokens, _positions(model))
        tokenizer.model_max_length = max_tokens  # saved with the classifier
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found = precision or _recorded_precision(Path(folder)) or resolve("auto")
    return TextClassifier(model=model.to(device), tokenizer=tokenizer, precision=found)


def _recorded_precision(folder: Path) -> Precision | None:
    """Read the precision that `TextClassifier.save` recorded; None for a checkpoint from elsewhere."""
    file = folder / _PRECISION_FILE
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    known: dict[str, Precision] = {json.dumps({"precision": value}): value for value in get_args(Precision)}
    if text not in known:
        raise UserError(f"checkpoint {file}: found {text[:80]!r}, expected {' or '.join(known)}; write one of them")
    return known[text]


def load_config(folder: str | Path) -> AutoConfig:
    """Load a checkpoint's configuration, without its weights.

    Args:
        folder: The checkpoint.

    Returns:
        The configuration.

    Raises:
        UserError: The folder has no valid configuration.
    """
    try:
        return AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, KeyError, StrictDataclassError) as error:
        raise UserError(
            f"checkpoint {folder}: {_first_sentence(error)}; expected a folder made by save_pretrained"
        ) from error


def label_names(config: AutoConfig) -> list[str]:
    """List the label names of a configuration.

    Args:
        config: Configuration of a classifier.

    Returns:
        The names, in the order of the classes.
    """
    return [config.id2label[index] for index in range(len(config.id2label))]


def parameter_count(model: PreTrainedModel) -> int:
    """Count a model's parameters. Shared ones count once.

    Args:
        model: The model.

    Returns:
        The number of parameters.
    """
    return sum(parameter.numel() for parameter in model.parameters())


def weights_bytes(folder: Path) -> int:
    """Measure the size of a checkpoint's weights on disk.

    Args:
        folder: The checkpoint.

    Returns:
        The size of its safetensors files in bytes.
    """
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def _check_weights(source: str, model: PreTrainedModel, loading: Mapping[str, Any], new_head: bool) -> None:
    """Check that the checkpoint has all weights: transformers initialises missing ones at random.

    That is right for a new head, and never for the encoder.
    """
    strange = sorted([*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])])
    if new_head:
        encoder = f"{model.base_model_prefix}."
        strange = [name for name in strange if name.startswith(encoder) and ".pooler." not in name]
    if strange:
        raise UserError(
            f"checkpoint {source}: found no fitting weights for {strange[0]} ({len(strange)} such weights), expected "
            "those that its config.json tells of; save it again with save_pretrained"
        )


def _positions(model: PreTrainedModel) -> int:
    """Count the tokens that learned positions cover; those up to the padding index (RoBERTa, MPNet) are never used."""
    for name, table in model.named_modules():
        if name.endswith(".position_embeddings") and isinstance(table, nn.Embedding):
            return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
    return sys.maxsize


def _check_tokenizer(source: str, tokenizer: PreTrainedTokenizerBase, max_tokens: int, positions: int) -> None:
    if tokenizer.pad_token is None:
        raise UserError(f"checkpoint {source}: its tokenizer has no padding token; use an encoder's tokenizer")
    most = min(tokenizer.model_max_length, positions)
    if max_tokens > most:
        raise UserError(f"teacher_max_tokens: found {max_tokens}, expected at most {most}, the limit of {source}")


def _first_sentence(error: BaseException) -> str:
    """Return the error's first sentence, on one line."""
    sentence = " ".join(str(error).split()).partition(". ")[0][:200]
    return f"{type(error).__name__}: {sentence}" if sentence else type(error).__name__
