"""Text augmentation: further inputs for which a student can learn the teacher's answer.

Tang et al. 2019 (arXiv 1903.12136, https://arxiv.org/abs/1903.12136, section 3.3) distil on texts that rules make from
the labelled ones, because a few thousand texts show a student too little of what the teacher does. Of their rules, this
module has those that need no tagger.
"""

import random
from collections.abc import Callable, Iterator

_SHARE = 0.15
_SHARE_OF_BOTH = 0.1


def altered_copies(texts: list[str], copies: int, seed: int) -> Iterator[str]:
    """Make augmented copies of each text.

    The rules alternate: drop words, replace words by words of any text, join the beginning to another text's end, and
    both drop and replace words. Each text has its own random generator. A copy may equal the text, or another copy.

    Args:
        texts: The texts.
        copies: Copies of each text.
        seed: Seed of the random generators.

    Yields:
        The copies, text by text.
    """
    words = [word for text in texts for word in text.split()]
    rules: list[Callable[[random.Random, list[str]], list[str]]] = [
        lambda draw, mine: _drop(draw, mine, _SHARE),
        lambda draw, mine: _replace(draw, mine, words, _SHARE),
        lambda draw, mine: _splice(draw, mine, draw.choice(texts).split()),
        lambda draw, mine: _replace(draw, _drop(draw, mine, _SHARE_OF_BOTH), words, _SHARE_OF_BOTH),
    ]
    for text in texts:
        draw = random.Random(f"{seed} {text}")
        for number in range(copies):
            yield " ".join(rules[number % len(rules)](draw, text.split()))


def _drop(draw: random.Random, words: list[str], share: float) -> list[str]:
    return [word for word in words if draw.random() >= share] or words


def _replace(draw: random.Random, words: list[str], others: list[str], share: float) -> list[str]:
    return [draw.choice(others) if draw.random() < share else word for word in words]


def _splice(draw: random.Random, words: list[str], other: list[str]) -> list[str]:
    return words[: draw.randint(1, len(words))] + other[draw.randrange(len(other)) :]
