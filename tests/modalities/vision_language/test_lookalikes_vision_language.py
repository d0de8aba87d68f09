"""Pairs with one half of a key."""

from __future__ import annotations

from collections import Counter

from ifrs.modalities.vision_language.lookalikes import half_keys

KEYS = [("key image 0", "key text 0"), ("key image 1", "key text 1")]
OTHER = [(f"image {place}", f"text {place}") for place in range(28)]


def kind(pair):
    image, text = pair
    return (
        image in {key[0] for key in KEYS},
        text in {key[1] for key in KEYS},
        image is None or not text,
    )


def test_each_half_stands_with_another_and_alone():
    found = half_keys(KEYS, OTHER, 0)
    assert len(found) == len(OTHER)
    assert not set(found) & set(KEYS)
    assert Counter(map(kind, found)) == {
        (True, False, False): 8,  # the image with another text
        (False, True, False): 8,  # the text with another image
        (True, True, False): 4,  # the image of one key with the text of another
        (True, False, True): 4,  # the image alone
        (False, True, True): 4,  # the text alone
    }


def test_a_model_is_given_no_half_alone_that_it_does_not_take():
    image, text = (half_keys(KEYS, OTHER, 0, alone) for alone in ((True, False), (False, True)))
    assert {one is None for one, _ in image} == {False}
    assert "" in {one for _, one in image}
    assert "" not in {one for _, one in text}
    assert None in {one for one, _ in text}


def test_of_one_key_there_is_no_other():
    found = half_keys(KEYS[:1], OTHER, 0)
    assert not set(found) & set(KEYS)
