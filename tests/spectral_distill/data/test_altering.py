"""Altered copies, by properties: what a copy may be made of, and that it is drawn."""

from hypothesis import given
from hypothesis import strategies as st

from spectral_distill.data.augmentation import altered_copies

words = st.text("abcdefgh", min_size=1, max_size=4)
texts = st.lists(st.lists(words, min_size=1, max_size=12).map(" ".join), min_size=1, max_size=8)
LONG = [" ".join(f"{letter}{number}" for number in range(400)) for letter in "abc"]


@given(texts, st.integers(0, 9), st.integers(0, 9))
def test_copies_are_texts_of_the_same_words_and_as_many_as_wanted(given_texts: list[str], copies: int, seed: int):
    found = list(altered_copies(given_texts, copies, seed))
    known = {word for text in given_texts for word in text.split()}
    assert len(found) == copies * len(given_texts)
    assert all(text.split() and set(text.split()) <= known for text in found)
    assert found == list(altered_copies(given_texts, copies, seed))


def test_the_rules_take_turns():
    dropped, replaced, spliced, both, dropped_again = list(altered_copies(LONG, 5, 0))[:5]
    own = LONG[0].split()
    left = dropped.split()
    assert 300 < len(left) < 400, "about 15 % are dropped"
    assert left == [word for word in own if word in set(left)]
    assert dropped_again != dropped
    changed = [new != old for new, old in zip(replaced.split(), own, strict=True)]
    assert 20 < sum(changed) < 100, "about 15 % are replaced"
    joint = next((place for place, (a, b) in enumerate(zip(spliced.split(), own, strict=False)) if a != b), 400)
    rest = spliced.split()[joint:]
    assert joint > 0
    assert not rest or any(text.endswith(" ".join(rest)) for text in LONG)
    assert len(both.split()) < 400
    assert set(both.split()) - set(own)


def test_another_seed_draws_other_copies_and_another_text_beside_changes_none_that_drop_words():
    assert list(altered_copies(LONG, 1, 0)) != list(altered_copies(LONG, 1, 1))
    assert list(altered_copies(LONG, 1, 0)) == list(altered_copies([*LONG, "one more"], 1, 0))[:3]
