"""What tests of the command line share."""

from collections.abc import Callable
from dataclasses import dataclass

TOKEN = "a-token-that-nobody-may-see"


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]
