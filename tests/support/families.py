"""Every encoder family that the project names, as tiny models with random weights."""

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    CamembertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    PreTrainedModel,
    RobertaConfig,
    XLMRobertaConfig,
)

from tests.support.models import tiny_bert_config

DEPTH, VOCABULARY, LABELS = 6, 40, 3
SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": DEPTH, "num_attention_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 24, "num_labels": LABELS, "initializer_range": 0.3,
}  # fmt: skip
CONFIGS = {
    "bert": lambda: tiny_bert_config(**SIZES),
    "roberta": lambda: RobertaConfig(**SIZES, pad_token_id=1),
    "xlm-roberta": lambda: XLMRobertaConfig(**SIZES, pad_token_id=1),
    "camembert": lambda: CamembertConfig(**SIZES, pad_token_id=1),
    "mpnet": lambda: MPNetConfig(**SIZES, pad_token_id=1),
    "distilbert": lambda: DistilBertConfig(
        vocab_size=VOCABULARY, dim=16, n_layers=DEPTH, n_heads=2, hidden_dim=24, max_position_embeddings=24,
        num_labels=LABELS, initializer_range=0.3,
    ),
    "electra": lambda: ElectraConfig(**SIZES, embedding_size=8),
    "modernbert": lambda: ModernBertConfig(
        **SIZES, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2, local_attention=4,
        global_attn_every_n_layers=3,
    ),
    "deberta-v2": lambda: DebertaV2Config(
        **SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", position_buckets=8,
        conv_kernel_size=3,
    ),
}  # fmt: skip

every_family = pytest.mark.parametrize("family", CONFIGS)
TWO_TEXTS = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12], [5, 9, 30, 31, 12, 3, 3, 3]]),
    "attention_mask": torch.tensor([[1] * 8, [1] * 5 + [0] * 3]),
}
"""One of them is padded."""


def model_of(family: str) -> PreTrainedModel:
    """A tiny random model; biases and norms are moved off their constant starts, so that a lost one is seen."""
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(CONFIGS[family]()).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model
