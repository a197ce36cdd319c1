"""The `comparison` artifact: `report.html` for people, `leaderboard.json` for programs:

rows       best first: rank, configuration, student, seeds, accuracy, accuracy_interval_over_seeds, versus_teacher and
           versus_best (difference, low, high, p_holm; versus_best of the best is null), evaluation
verdict    winner (or null), tied, ship (a student's name), reason
promotion  alias (champion or challenger), reason
teacher    scores and settings
data       the data card
settings   of the comparison and the promotion
"""

import json
from pathlib import Path
from typing import Any

LEADERBOARD, REPORT = "leaderboard.json", "report.html"


def save_comparison(leaderboard: dict[str, Any], report: str, folder: Path) -> None:
    (folder / LEADERBOARD).write_text(json.dumps(leaderboard, indent=2, allow_nan=False), encoding="utf-8")
    (folder / REPORT).write_text(report, encoding="utf-8")


def load_comparison(folder: str | Path) -> dict[str, Any]:
    return json.loads((Path(folder) / LEADERBOARD).read_text(encoding="utf-8"))
