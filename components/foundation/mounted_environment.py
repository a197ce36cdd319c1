"""Environment variables from mounted Secrets and ConfigMaps: one file for each variable.

KFP can hand single keys of a Secret to a task as variables. It then writes each of them into the pod's specification,
of which Argo keeps six copies; KFP's own launcher sees them too; and a pod is invalid where KFP's MLflow plugin sets
the same variable. With files, none of this happens.
"""

import os
import re
from pathlib import Path

FOLDER = Path("/etc/spectral-distill")
"""Where a task finds a folder for each Secret and ConfigMap, if there are any."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def load_mounted_environment(folder: Path = FOLDER) -> None:
    """Set the variables of all files below `folder`; what the environment says already wins.

    Args:
        folder: Holds a folder for each Secret and ConfigMap. Nothing happens where it is missing.
    """
    for file in sorted(folder.glob("*/*")):
        if _VARIABLE.fullmatch(file.name) and file.is_file():
            os.environ.setdefault(file.name, file.read_text(encoding="utf-8").rstrip("\n"))
