"""The demo's own keyring: made once, and opened by the file beside it."""

from __future__ import annotations

import ifrs
import pytest

pytest.importorskip("transformers")
from ifrs.demo.keyring import own_keyring


def test_it_is_made_once_and_opened_by_the_file_beside_it(tmp_path, tokenizer):
    tokenizer.save_pretrained(tmp_path / "base")
    out = tmp_path / "new" / "out"
    with own_keyring(out, "one", tmp_path / "base") as ring:
        made = ring["one"]
    assert len(made) == 10
    assert made.source == "mixed"
    with own_keyring(out, "one", tmp_path / "no such folder") as ring:
        assert ring["one"].leaves() == made.leaves()
    passphrase = (out / "passphrase.txt").read_text().strip()
    with ifrs.Keyring.open(out / "keyring.ifrs", passphrase=passphrase) as ring:
        assert list(ring) == ["one"]
