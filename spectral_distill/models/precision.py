"""Which floating-point format a device computes fast in."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

_WORTHWHILE = 1.2
"""Times as fast that bf16 must be: casting weights and activations costs as well."""
_ROUNDS = 20


@cache
def fast_bf16() -> bool:
    """Whether bf16 is worth it here: a GPU of compute capability 8 on, or a CPU that multiplies faster in it.

    A CPU's flags do not tell: AVX512-BF16 without AMX can be slower than float32. So the process measures, once. All
    tasks of a run must come to the same answer, or resumed and repeated trainings would differ: the formats take turns,
    and the fastest of many products is what counts, so that a busy moment hits neither alone.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return False
    float32, bfloat16 = _product_seconds(torch.float32, torch.bfloat16)
    return float32 >= _WORTHWHILE * bfloat16


def _product_seconds(*dtypes: torch.dtype) -> list[float]:
    """The fastest of many products of an encoder's shape, in each format."""
    shapes = (128, 768), (768, 3072)
    factors = [[torch.ones(shape, dtype=dtype) for shape in shapes] for dtype in dtypes]
    rounds = [[_seconds(*pair) for pair in factors] for _ in range(_ROUNDS)]
    return [min(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(states: torch.Tensor, weights: torch.Tensor) -> float:
    started = time.perf_counter()
    states @ weights
    return time.perf_counter() - started


def fast_products() -> AbstractContextManager[object]:
    """Within, matrix products are in bf16 where that is fast."""
    return torch.autocast(_device(), torch.bfloat16, enabled=fast_bf16())


def full_products() -> AbstractContextManager[object]:
    """Within, matrix products are in their factors' own format again: spectra and features want float32."""
    return torch.autocast(_device(), enabled=False)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def fast_attention_gradients() -> AbstractContextManager[object]:
    """Within, attention is computed in a way whose gradients are fast.

    On CPUs the backward pass of torch's flash attention in bf16 takes some ten times as long on short texts as that of
    the plain products; in float32 it is the faster one.
    """
    slow_flash = fast_bf16() and not torch.cuda.is_available()
    return sdpa_kernel(SDPBackend.MATH) if slow_flash else nullcontext()


@contextmanager
def fast_inference() -> Iterator[None]:
    """Forward passes without gradients, and with `fast_products`. To be put around all of them: until the block ends,
    autocast keeps the weights that it has cast, which in inference mode it would not."""
    with torch.no_grad(), fast_products():
        yield
