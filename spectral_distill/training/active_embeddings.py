"""Training with the word embeddings of the tokens that occur, and no others.

Word embeddings are half of a small encoder (30,000 rows and more), of which a dataset uses a few thousand. The others
have no gradient, and yet an optimizer reads and writes them and their moments in every step, and every checkpoint holds
them. Rows that are left out do not change, whereas AdamW's weight decay would have shrunk them a little. All other
weights are trained to the same values.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


@contextmanager
def words_in_use(model: PreTrainedModel, token_ids: Iterable[Sequence[int]]) -> Iterator[None]:
    """Restrict the model's word embeddings to the tokens of some texts inside the block.

    Any other token, padding included, raises `IndexError`. A model whose embedding is shared or of a class of its own
    is not restricted. After the block, the model has its whole embedding again, with the trained rows.

    Args:
        model: The model.
        token_ids: Token ids by text.

    Yields:
        Nothing.
    """
    whole = model.get_input_embeddings()
    if type(whole) is not nn.Embedding or _is_shared(model, whole):
        yield
        return
    ids = torch.tensor(sorted({token for text in token_ids for token in text}))
    rows = _Rows(whole, ids)
    model.set_input_embeddings(rows)
    try:
        yield
    finally:
        with torch.no_grad():
            whole.weight[ids] = rows.weight
        model.set_input_embeddings(whole)


class _Rows(nn.Module):
    """Some rows of an embedding, under their original ids: [...] -> [..., H]."""

    places: Tensor

    def __init__(self, whole: nn.Embedding, ids: Tensor):
        super().__init__()
        places = torch.full((whole.num_embeddings,), -1)
        places[ids] = torch.arange(len(ids))
        self.register_buffer("places", places.to(whole.weight.device), persistent=False)
        self.weight = nn.Parameter(whole.weight.detach()[ids].clone())
        padding = -1 if whole.padding_idx is None else int(places[whole.padding_idx])
        self._padding = padding if padding >= 0 else None

    def forward(self, ids: Tensor) -> Tensor:
        return nn.functional.embedding(self.places[ids], self.weight, padding_idx=self._padding)


def _is_shared(model: PreTrainedModel, embedding: nn.Embedding) -> bool:
    holders = [p for _, p in model.named_parameters(remove_duplicate=False) if p is embedding.weight]
    return len(holders) > 1
