"""The floating-point format of a classifier's matrix products: float32, or bfloat16 where that is worth it.

The format decides what a training gives, so it is decided once. `resolve` turns the setting `precision` into a format
where a teacher is made; the classifier carries it from there, in memory and in its folder, and hands it on to its
students. Everything here takes the format as an argument.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Literal

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

Precision = Literal["float32", "bfloat16"]

_WORTHWHILE = 1.2
"""How many times as fast bfloat16 must be: casting weights and activations costs as well."""
_ROUNDS = 20


def resolve(setting: Literal["auto"] | Precision) -> Precision:
    """The format that a value of the setting `precision` stands for on this machine.

    Args:
        setting: `auto` for bfloat16 where it is fast and float32 elsewhere, or a format.

    Returns:
        The format. `auto` gets the same answer whenever a process asks.
    """
    if setting != "auto":
        return setting
    return "bfloat16" if _is_bfloat16_fast() else "float32"


@cache
def _is_bfloat16_fast() -> bool:
    """Whether bfloat16 is worth it here: a GPU of compute capability 8 on, or a CPU that multiplies faster in it.

    A CPU's flags do not tell: AVX512-BF16 without AMX can be slower than float32. So this measures, in a process of its
    own with one thread: on a busy machine several threads wait for each other, which says nothing about the format, and
    the number of threads of this process must stay as it is.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    command = [sys.executable, "-P", __file__]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    measured = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    float32, bfloat16 = json.loads(measured.stdout)
    return float32 >= _WORTHWHILE * bfloat16


def _product_seconds(*dtypes: torch.dtype) -> list[float]:
    """The fastest of many products of an encoder's shape, in each format. The formats take turns, so that a busy moment
    hits neither alone."""
    shapes = (128, 768), (768, 3072)
    factors = [[torch.ones(shape, dtype=dtype) for shape in shapes] for dtype in dtypes]
    rounds = [[_seconds(*pair) for pair in factors] for _ in range(_ROUNDS)]
    return [min(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(states: torch.Tensor, weights: torch.Tensor) -> float:
    started = time.perf_counter()
    states @ weights
    return time.perf_counter() - started


def products_in(precision: Precision) -> AbstractContextManager[object]:
    """Within, autocast computes matrix products in this format."""
    return torch.autocast(_device(), torch.bfloat16, enabled=precision == "bfloat16")


def full_products() -> AbstractContextManager[object]:
    """Within, matrix products are in their factors' own format again: spectra and features want float32."""
    return torch.autocast(_device(), enabled=False)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def fast_attention_gradients(precision: Precision) -> AbstractContextManager[object]:
    """Within, attention is computed in a way whose gradients are fast in this format.

    On CPUs the backward pass of torch's flash attention in bfloat16 takes some ten times as long on short texts as that
    of the plain products; in float32 it is the faster one.
    """
    slow_flash = precision == "bfloat16" and not torch.cuda.is_available()
    return sdpa_kernel(SDPBackend.MATH) if slow_flash else nullcontext()


@contextmanager
def inference_in(precision: Precision) -> Iterator[None]:
    """Forward passes without gradients, and with `products_in`. To be put around all of them: until the block ends,
    autocast keeps the weights that it has cast, which in inference mode it would not."""
    with torch.no_grad(), products_in(precision):
        yield


if __name__ == "__main__":  # what `_is_bfloat16_fast` runs
    print(json.dumps(_product_seconds(torch.float32, torch.bfloat16)))
