"""A tiny tokenizer and tiny encoders with random weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from tests.support.dataset import intents

MAX_TOKENS = 64
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


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


def same_weights(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Whether two state dicts hold the same tensors, bit by bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
