"""The floating-point format of a classifier's matrix products: float32, or bfloat16 where that is faster.

The format affects the result of a training, so it is decided once. `resolve` turns the setting `precision` into a
format where a teacher is made. The classifier keeps it from there, in memory and in its folder, and passes it on to its
students. All other functions here take the format as an argument.
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
"""Minimum speed-up of bfloat16: casting weights and activations takes time, too."""
_ROUNDS = 20


def resolve(setting: Literal["auto"] | Precision) -> Precision:
    """Resolve a value of the setting `precision` to a format, on this machine.

    Args:
        setting: A format, or `auto`: bfloat16 where it is fast, float32 elsewhere.

    Returns:
        The format. `auto` gives the same result throughout a process.
    """
    if setting != "auto":
        return setting
    return "bfloat16" if _is_bfloat16_fast() else "float32"


@cache
def _is_bfloat16_fast() -> bool:
    """Check whether bfloat16 pays off on this machine.

    It does on a GPU of compute capability 8 or higher, and on a CPU that multiplies faster in it. A CPU's flags do not
    say: AVX512-BF16 without AMX can be slower than float32. So this measures, in a process of its own with one thread.
    On a busy machine several threads wait for each other, which says nothing about the format, and the number of
    threads of this process must not change.

    Returns:
        Whether bfloat16 is worth using.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    command = [sys.executable, "-P", __file__]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    measured = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    float32, bfloat16 = json.loads(measured.stdout)
    return float32 >= _WORTHWHILE * bfloat16


def _product_seconds(*dtypes: torch.dtype) -> list[float]:
    """Measure the fastest of many products of an encoder's shape, in each format.

    The formats take turns, so that a busy moment does not affect one of them only.

    Returns:
        The seconds of a product, by format.
    """
    shapes = (128, 768), (768, 3072)
    factors = [[torch.ones(shape, dtype=dtype) for shape in shapes] for dtype in dtypes]
    rounds = [[_seconds(*pair) for pair in factors] for _ in range(_ROUNDS)]
    return [min(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(states: torch.Tensor, weights: torch.Tensor) -> float:
    started = time.perf_counter()
    states @ weights
    return time.perf_counter() - started


def products_in(precision: Precision) -> AbstractContextManager[object]:
    """Compute matrix products in a format inside the block, by autocast.

    Args:
        precision: The format.

    Returns:
        The context manager.
    """
    return torch.autocast(_device(), torch.bfloat16, enabled=precision == "bfloat16")


def full_products() -> AbstractContextManager[object]:
    """Compute matrix products in their factors' own format inside the block, by switching autocast off.

    Spectra and features need float32.

    Returns:
        The context manager.
    """
    return torch.autocast(_device(), enabled=False)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def fast_attention_gradients(precision: Precision) -> AbstractContextManager[object]:
    """Compute attention inside the block in the way whose gradients are fast in a format.

    On CPUs the backward pass of torch's flash attention in bfloat16 takes about ten times as long on short texts as
    that of plain matrix products. In float32 flash attention is the faster one.

    Args:
        precision: The format.

    Returns:
        The context manager.
    """
    slow_flash = precision == "bfloat16" and not torch.cuda.is_available()
    return sdpa_kernel(SDPBackend.MATH) if slow_flash else nullcontext()


@contextmanager
def inference_in(precision: Precision) -> Iterator[None]:
    """Run forward passes without gradients inside the block, with matrix products in a format (see `products_in`).

    One block should enclose all forward passes: autocast keeps the weights that it has cast until the block ends. It
    would not keep them in torch's inference mode.

    Args:
        precision: The format.

    Yields:
        Nothing.
    """
    with torch.no_grad(), products_in(precision):
        yield


if __name__ == "__main__":  # what `_is_bfloat16_fast` runs
    print(json.dumps(_product_seconds(torch.float32, torch.bfloat16)))
