"""Distil a large text classifier into a small one, guided by the spectrum of its hidden states.

The functions of this module take and return objects in memory. They need neither Kubeflow nor MLflow nor S3, and the
steps of the pipeline do the same work. What they need is imported when they are used first.

Example:
    >>> import spectral_distill as sd
    >>> data = sd.load_dataset("intents.csv", text_column="text", label_column="intent")  # doctest: +SKIP
    >>> teacher = sd.fine_tune("sentence-transformers/all-mpnet-base-v2", data)  # doctest: +SKIP
    >>> profile = sd.profile(teacher, data["train"]["text"])  # doctest: +SKIP
    >>> mapping = sd.select_layers(profile, strategy="spectral_coverage", layers=3)  # doctest: +SKIP
    >>> student = sd.distill(teacher, data, mapping)  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spectral_distill.api import (
        compare as compare,
    )
    from spectral_distill.api import (
        distill as distill,
    )
    from spectral_distill.api import (
        evaluate as evaluate,
    )
    from spectral_distill.api import (
        fine_tune as fine_tune,
    )
    from spectral_distill.api import (
        load_classifier as load_classifier,
    )
    from spectral_distill.api import (
        load_dataset as load_dataset,
    )
    from spectral_distill.api import (
        profile as profile,
    )
    from spectral_distill.api import (
        select_layers as select_layers,
    )
    from spectral_distill.core.errors import UserError as UserError
    from spectral_distill.models.text_classifier import TextClassifier as TextClassifier
    from spectral_distill.selection.mapping import Selection as Selection
    from spectral_distill.spectra.profile import SpectralProfile as SpectralProfile

_API = "spectral_distill.api"
_HOMES = {
    "compare": _API,
    "distill": _API,
    "evaluate": _API,
    "fine_tune": _API,
    "load_classifier": _API,
    "load_dataset": _API,
    "profile": _API,
    "select_layers": _API,
    "Compared": _API,
    "Student": _API,
    "Selection": "spectral_distill.selection.mapping",
    "SpectralProfile": "spectral_distill.spectra.profile",
    "TextClassifier": "spectral_distill.models.text_classifier",
    "UserError": "spectral_distill.core.errors",
}
"""Where each public name is defined."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: `import spectral_distill` alone loads no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
