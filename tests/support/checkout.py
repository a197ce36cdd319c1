"""Where the checkout is, and what lies in it or beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "pipeline.yaml"
SHARED = ROOT.parent / "shared"
