"""Alphabets of responses that are no words, and the codebook."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from helpers import fixed_keyring
from ifrs import _core
from ifrs.modalities.alphabets import alphabet


@pytest.mark.parametrize(
    ("response", "counts", "sizes"),
    [
        ("classes", {"classes": 10}, [10]),
        ("actions", {"actions": 3}, [3]),
        ("actions", {"actions": 3, "steps": 4}, [3] * 4),
        ("bins", {"bins": 8, "coordinates": 3, "steps": 2}, [8] * 6),
        ("codebook", {}, [2048]),
    ],
)
def test_sizes_are_those_of_the_factors(response, counts, sizes):
    assert alphabet(response, **counts) == (response, sizes)


@pytest.mark.parametrize(
    ("response", "counts", "error", "says"),
    [
        ("unique", {}, ValueError, "of texts"),
        ("classes", {}, ValueError, "classes="),
        ("classes", {"classes": True}, TypeError, "int"),
        ("classes", {"classes": 1}, ValueError, "between 2"),
        ("classes", {"classes": 10, "steps": 2}, TypeError, "steps"),
        ("codebook", {"classes": 10}, TypeError, "classes"),
        ("actions", {"actions": 2, "steps": 0}, ValueError, "between 1"),
    ],
)
def test_what_cannot_be_is_refused(response, counts, error, says):
    with pytest.raises(error, match=says):
        alphabet(response, **counts)


def test_a_codebook_is_what_the_docs_say():
    digest = hashlib.sha256(b"a set").digest()
    found = _core.codebook(digest, 24)
    start = b"ifrs/codebook/v1" + digest + (24).to_bytes(8, "big")
    blocks = 2048 * 24 * 4 // 32
    stream = b"".join(hashlib.sha256(start + j.to_bytes(8, "big")).digest() for j in range(blocks))
    parts = np.frombuffer(stream, np.uint8).reshape(2048, 24, 4)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, parts.sum(axis=2, dtype=np.int64) - 510)


@pytest.mark.parametrize(("digest", "dimension"), [(b"x" * 31, 64), (b"x" * 32, 7)])
def test_a_codebook_that_cannot_be_is_refused(digest, dimension):
    with pytest.raises(ValueError, match="codebook"):
        _core.codebook(digest, dimension)


def test_a_set_of_codes_is_made(tmp_path):
    fps = fixed_keyring(tmp_path).generate(
        "one", 4, source="image", shape=(32, 32, 3), response="codebook"
    )
    assert (fps.alphabet.name, fps.alphabet.sizes) == ("codebook", (2048,))
    assert len(bytes.fromhex(fps.root)) == 32
