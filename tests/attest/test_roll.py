"""Rolls: signed before copies are seen elsewhere, and silent on who has them."""

from __future__ import annotations

import ifrs
import pytest
from ifrs.errors import EvidenceError, KeyringError


def test_a_roll_counts_and_names_nobody(ring, tmp_path):
    fps = ring.generate("lic", 16, source="chinese", template="simple")
    with pytest.raises(KeyringError, match="planted for no licensees"):
        ring.roll("lic", model="base")
    ring.open_licences("lic", 3)
    with pytest.raises(EvidenceError, match="no copy was stamped"):
        ring.roll("lic", model="base")
    for name in ("ACME", "Bolt", "ACME"):
        ring.license("lic", name, "folder", "00")
    roll = ring.roll("lic", model="base")
    assert (roll.model, roll.licensees, roll.copies) == ("base", 2, 3)
    assert (roll.positions, roll.coalition) == (16, 3)
    roll.verify(ring.public_key)
    roll.save(tmp_path / "roll.json")
    again = ifrs.Roll.load(tmp_path / "roll.json")
    assert again == roll
    assert hash(again) == hash(roll)
    text = (tmp_path / "roll.json").read_text(encoding="utf-8")
    assert not any(secret in text for secret in ("ACME", "Bolt", fps[0].response))
    (entry,) = (entry for entry in ring.journal() if entry["event"] == "claimed")
    assert entry["to"] == [roll.digest]


def test_a_claim_is_no_roll_and_a_published_roll_is_not_replaced(ring, tmp_path):
    ring.generate("lic", 16, source="chinese", template="simple")
    ring.open_licences("lic", 2)
    ring.license("lic", "ACME", "folder", "00")
    first, path = ring.roll("lic", model="base"), tmp_path / "roll.json"
    first.save(path)
    first.save(path)
    ring.license("lic", "Bolt", "folder", "00")
    with pytest.raises(FileExistsError, match="a roll is not replaced"):
        ring.roll("lic", model="base").save(path)
    with pytest.raises(EvidenceError, match="cannot be read"):
        ifrs.Claim.load(path)
    claim = ring.claim("lic", subject={"model.safetensors": "11" * 32}, model="m")
    claim.save(tmp_path / "claim.json")
    with pytest.raises(EvidenceError, match="cannot be read"):
        ifrs.Roll.load(tmp_path / "claim.json")
