"""bf16 is used where the CPU multiplies faster in it, whatever its flags say."""

import pytest
import torch

from spectral_distill.models import precision


@pytest.fixture(autouse=True)
def _measured_anew(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    precision.fast_bf16.cache_clear()
    yield
    precision.fast_bf16.cache_clear()


def _cpu(monkeypatch: pytest.MonkeyPatch, *, has_bf16: bool, float32: float, bfloat16: float) -> None:
    seconds = {torch.float32: float32, torch.bfloat16: bfloat16}
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(precision, "_product_seconds", lambda *dtypes: [seconds[dtype] for dtype in dtypes])


@pytest.mark.parametrize(
    ("has_bf16", "bfloat16", "fast"),
    [(True, 0.5, True), (True, 0.9, False), (True, 1.9, False), (False, 0.5, False)],
    ids=["twice as fast", "hardly faster", "slower than float32", "no such instructions"],
)
def test_bf16_only_where_it_pays(monkeypatch: pytest.MonkeyPatch, has_bf16: bool, bfloat16: float, fast: bool):
    _cpu(monkeypatch, has_bf16=has_bf16, float32=1.0, bfloat16=bfloat16)
    assert precision.fast_bf16() is fast


def test_a_process_measures_once(monkeypatch: pytest.MonkeyPatch):
    _cpu(monkeypatch, has_bf16=True, float32=1.0, bfloat16=0.5)
    assert precision.fast_bf16()
    _cpu(monkeypatch, has_bf16=True, float32=1.0, bfloat16=2.0)
    assert precision.fast_bf16()


def test_inference_runs_in_the_fast_format(monkeypatch: pytest.MonkeyPatch):
    product = torch.nn.Linear(4, 4)
    for bfloat16, dtype in ((0.5, torch.bfloat16), (2.0, torch.float32)):
        precision.fast_bf16.cache_clear()
        _cpu(monkeypatch, has_bf16=True, float32=1.0, bfloat16=bfloat16)
        with precision.fast_inference():
            assert product(torch.ones(1, 4)).dtype is dtype


def test_training_in_bf16_does_without_flash_attention(monkeypatch: pytest.MonkeyPatch):
    for bfloat16, allowed in ((0.5, False), (2.0, True)):
        precision.fast_bf16.cache_clear()
        _cpu(monkeypatch, has_bf16=True, float32=1.0, bfloat16=bfloat16)
        with precision.fast_attention_gradients():
            assert torch.backends.cuda.flash_sdp_enabled() is allowed
        assert torch.backends.cuda.flash_sdp_enabled()
