"""Which floating-point format a device computes fast in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def fast_bf16() -> bool:
    """Whether bf16 is faster than float32 here: a GPU of compute capability 8 on, or a CPU with AVX512-BF16 or AMX."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@contextmanager
def fast_inference() -> Iterator[None]:
    """Forward passes without gradients, matrix products in bf16 where that is fast."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=fast_bf16()):
        yield
