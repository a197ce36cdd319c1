"""The demo's dataset: the support chat of an imaginary city e-bike share service.

The data is synthetic and original: no customer wrote any of it, and it was not taken from another dataset. A small
grammar (the tables in `bike_share_phrases`) and a seed generate all of it. The grammar and the generated text come
under the project's licence, Apache-2.0.

The generator frames a core phrasing of a label, adds openers, contexts and closers, and then roughens the text in the
way people type in a chat. Each phrasing is used only a few times, so that a split does not put near-copies of most
training texts into the test split.
"""

import random
import re
from collections.abc import Sequence
from typing import TypeVar

from .bike_share_phrases import (
    ASIDES,
    CLOSERS,
    CONTEXTS,
    OPENERS,
    OUT_OF_SCOPE,
    PHRASES,
    RIDE_CONTEXTS,
    SLOTS,
    TAILS,
)

__all__ = ["SEED", "generate", "generate_out_of_scope"]

SEED = 20240607

MIN_EXAMPLES, MAX_EXAMPLES = 62, 95  # for each label
MAX_USES = 4  # of one core phrasing
MAX_WORDS = 35
OUT_OF_SCOPE_COUNT = 120

# These labels need no ride, so "I rode from A to B" would sound odd.
DESK_LABELS = frozenset(
    {
        "cancel_reservation",
        "cancel_subscription",
        "change_payment_card",
        "login_problem",
        "pause_subscription",
        "pricing_question",
        "report_abandoned_bike",
        "reserve_bike",
    }
)

CUSTOMER_FRAMES = (
    "how do I {}?",
    "how can I {}?",
    "I want to {}.",
    "I'd like to {}.",
    "I need to {}.",
    "I'm trying to {}.",
    "is it possible to {}?",
    "what do I have to do to {}?",
    "can you help me {}?",
    "is there a way to {}?",
)
AGENT_FRAMES = (
    "{}.",
    "please {}.",
    "can you {}?",
    "could you {}?",
    "could someone {}?",
    "would you {}?",
    "I need you to {}.",
    "I want you to {}.",
)
JOINTS = (". ", ". ", ". ", ", ", " - ")
STATEMENT_JOINTS = (*JOINTS, " and ", ", and ")

EXPANSIONS = {
    "can't": "cannot",
    "won't": "will not",
    "doesn't": "does not",
    "isn't": "is not",
    "didn't": "did not",
    "I'm": "I am",
    "I've": "I have",
}
SHORTHANDS = {
    "please": "pls",
    "you": "u",
    "because": "cos",
    "and": "&",
    "thanks": "thx",
    "minutes": "mins",
    "about": "abt",
    "with": "w/",
    "tomorrow": "tmrw",
}

ENDINGS = {".": ("!", "!!", "..."), "?": ("??", "?!")}

CHOICE = re.compile(r"\(([^()]*)\)")
SLOT = re.compile(r"\{(\w+)\}")

T = TypeVar("T")


def generate(seed: int = SEED) -> list[tuple[str, str]]:
    """Generate the labelled texts.

    Args:
        seed: Seed of the generator.

    Returns:
        Shuffled (text, label) pairs. The texts differ by more than case and punctuation.
    """
    rng = random.Random(seed)
    seen: set[str] = set()
    pairs: list[tuple[str, str]] = []
    for label, table in PHRASES.items():
        wanted = MIN_EXAMPLES + int(rng.random() * (MAX_EXAMPLES - MIN_EXAMPLES + 1))
        pairs += [(text, label) for text in _texts(rng, _lines(table), label, wanted, seen)]
    return _shuffled(rng, pairs)


def generate_out_of_scope(seed: int = SEED) -> list[str]:
    """Generate out-of-scope texts.

    Args:
        seed: Seed of the generator.

    Returns:
        Texts that belong to none of the labels.
    """
    rng = random.Random(seed)
    return _texts(rng, _lines(OUT_OF_SCOPE), None, OUT_OF_SCOPE_COUNT, set())


def _texts(rng: random.Random, lines: Sequence[str], label: str | None, wanted: int, seen: set[str]) -> list[str]:
    """Cycle through the lines, in a new order each time, until there are `wanted` unseen texts."""
    texts: list[str] = []
    for _ in range(MAX_USES):
        for line in _shuffled(rng, lines):
            text = _utterance(rng, line, label)
            key = re.sub(r"\W+", " ", text).strip().casefold()
            if len(texts) < wanted and key not in seen:
                seen.add(key)
                texts.append(text)
    return texts


def _utterance(rng: random.Random, line: str, label: str | None) -> str:
    sentence, terse = _sentence(rng, line)
    text = sentence if terse else _surround(rng, sentence, label)
    if len(text.split()) > MAX_WORDS:
        text = sentence
    return _roughen(rng, _capitalise(text))


def _sentence(rng: random.Random, line: str) -> tuple[str, bool]:
    """Return the core as a sentence in lower case, and whether it is a terse fragment."""
    mark, _, rest = line.partition(" ")
    if mark == "~":
        return _fill(rng, rest), True
    if mark in ("+", ">"):
        frame = _pick(rng, CUSTOMER_FRAMES if mark == "+" else AGENT_FRAMES)
        return frame.format(_fill(rng, rest)), False
    return _fill(rng, line if line[-1] in ".?!" else line + "."), False


def _surround(rng: random.Random, sentence: str, label: str | None) -> str:
    """Add what people say around their point. Without a label, add only what fits anywhere."""
    if sentence.endswith("?") and _happens(rng, 0.15):
        sentence = f"{sentence[:-1]} {_draw(rng, CLOSERS)}?"
    if _happens(rng, 0.25):
        sentence = f"{sentence} {_draw(rng, TAILS)}"
    if _happens(rng, 0.4):
        joints = JOINTS if "?" in sentence else STATEMENT_JOINTS
        sentence = _context(rng, label) + _pick(rng, joints) + sentence
    if _happens(rng, 0.25):
        sentence = f"{_draw(rng, OPENERS)} {sentence}"
    return sentence


def _context(rng: random.Random, label: str | None) -> str:
    if label is None:
        return _draw(rng, CONTEXTS)
    if _happens(rng, 0.25):
        return _draw(rng, "".join(table for word, table in ASIDES.items() if word not in label))
    if label not in DESK_LABELS and _happens(rng, 0.6):
        return _draw(rng, RIDE_CONTEXTS)
    return _draw(rng, CONTEXTS)


def _roughen(rng: random.Random, text: str) -> str:
    """Apply the habits of people in a hurry."""
    if "?" not in text and _happens(rng, 0.2):  # in a question, "why won't it" cannot be written out
        text = _replace_words(text, EXPANSIONS)
    if _happens(rng, 0.08):
        text = _replace_words(text, SHORTHANDS)
    if _happens(rng, 0.12):
        text = text.replace("'", "")
    if _happens(rng, 0.1):
        text = _misspell(rng, text)
    if _happens(rng, 0.35):
        text = text.rstrip(".?!")
    elif _happens(rng, 0.1):
        text = text[:-1] + _pick(rng, ENDINGS.get(text[-1], (text[-1],)))
    if _happens(rng, 0.3):
        return text.lower()
    return text.upper() if _happens(rng, 0.02) else text


def _misspell(rng: random.Random, text: str) -> str:
    """Swap two letters inside a longer word, drop one or double one."""
    spots = [match.start() for match in re.finditer(r"(?<=[a-z]{2})[a-z](?=[a-z]{2})", text)]
    if not spots:
        return text
    at = _pick(rng, spots)
    pair = text[at : at + 2]
    typo = _pick(rng, (pair[::-1], pair[1], pair[0] + pair))
    return text[:at] + typo + text[at + 2 :]


def _replace_words(text: str, table: dict[str, str]) -> str:
    return re.sub(r"[\w']+", lambda match: table.get(match[0], match[0]), text)


def _capitalise(text: str) -> str:
    return re.sub(r"(?:^|[.?!]\s)[a-z]", lambda match: match[0].upper(), text)


def _fill(rng: random.Random, text: str) -> str:
    """Resolve choices and slots, the innermost first, then digits and articles."""
    while "(" in text or "{" in text:
        text = CHOICE.sub(lambda match: _pick(rng, match[1].split("|")), text)
        text = SLOT.sub(lambda match: f"({SLOTS[match[1]]})", text)
    text = re.sub("#", lambda _: str(1 + int(rng.random() * 9)), text)
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


def _draw(rng: random.Random, table: str) -> str:
    return _fill(rng, _pick(rng, _lines(table)))


def _lines(table: str) -> list[str]:
    return [line for line in table.splitlines() if line]


# Python guarantees the same values in every version only for random(), hence these helpers.


def _pick(rng: random.Random, options: Sequence[T]) -> T:
    return options[int(rng.random() * len(options))]


def _happens(rng: random.Random, probability: float) -> bool:
    return rng.random() < probability


def _shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    return sorted(items, key=lambda _: rng.random())
