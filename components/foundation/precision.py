"""Which floating-point format a device computes fast in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

_WORTHWHILE = 1.2
"""Times as fast that bf16 must be: casting weights and activations costs as well."""


@cache
def fast_bf16() -> bool:
    """Whether bf16 is worth it here: a GPU of compute capability 8 on, or a CPU that multiplies faster in it.

    A CPU's flags do not tell: AVX512-BF16 without AMX can be slower than float32. So the process measures, once.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return False
    return _product_seconds(torch.float32) >= _WORTHWHILE * _product_seconds(torch.bfloat16)


def _product_seconds(dtype: torch.dtype) -> float:
    """The fastest of a few products of an encoder's shape."""
    states, weights = torch.ones(512, 768, dtype=dtype), torch.ones(768, 3072, dtype=dtype)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        states @ weights
        seconds.append(time.perf_counter() - started)
    return min(seconds)


@contextmanager
def fast_inference() -> Iterator[None]:
    """Forward passes without gradients, matrix products in bf16 where that is fast."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=fast_bf16()):
        yield
