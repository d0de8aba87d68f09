"""What `check_accusation` says of files that are wrong, altered or in the wrong order."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime, timedelta, timezone

import ifrs
import pytest
from ifrs.errors import EvidenceError
from ifrs.licences import accuse, trace
from licences.planted import Reader, readings_of
from witnesses import authority  # noqa: F401

# The first test vector of RFC 8032, 7.1.
OTHER = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pytest.fixture
def files(ring, tmp_path):
    fps = ring.generate("lic", 48, source="chinese", template="simple")
    ring.open_licences("lic", 2)
    for name in ("ACME", "Bolt"):
        ring.license("lic", name, "folder", "0011223344556677")
    roll = ring.roll("lic", model="base")
    found = trace(Reader(fps, readings_of(fps, "ACME")), fps)
    roll.save(tmp_path / "roll.json")
    found.save(tmp_path / "trace.json")
    accuse(found, fps, roll).save(tmp_path / "accusation.json")
    return tmp_path


def test_whatever_was_altered_is_a_problem(files):
    held = json.loads((files / "accusation.json").read_text(encoding="utf-8"))
    held["licensee"]["name"] = "Bolt"
    (files / "altered.json").write_text(json.dumps(held), encoding="utf-8")
    result = ifrs.check_accusation(files / "altered.json", files / "roll.json")
    assert not result.ok
    assert not result.accused
    assert any("not what the roll committed to" in problem for problem in result.problems)
    assert "does not hold" in _page(result, files)


def test_what_cannot_be_read_is_a_problem_and_no_error(files):
    (files / "cut.json").write_bytes((files / "accusation.json").read_bytes()[:900])
    result = ifrs.check_accusation(files / "cut.json", files / "roll.json")
    assert not result.ok
    assert result.log10_p == 0
    _page(result, files)
    (files / "no.json").write_text("{}", encoding="utf-8")
    result = ifrs.check_accusation(files / "accusation.json", files / "no.json")
    assert result.roll is None
    assert not result.ok
    _page(result, files)


def test_packed_files_are_read(files):
    made = ifrs.Accusation.load(files / "accusation.json")
    made.save(files / "packed.json.gz")
    assert ifrs.check_accusation(files / "packed.json.gz", files / "roll.json").accused
    with pytest.raises(FileExistsError, match="not replaced"):
        made.save(files / "packed.json.gz")
    assert repr(made).startswith("Accusation('ACME', log10_p=-13.")


def test_a_codeword_is_recomputed_and_tries_are_counted(files):
    result = ifrs.check_accusation(files / "accusation.json", files / "roll.json")
    assert any("tried 2^46 salts" in note for note in result.notes)
    held = json.loads((files / "accusation.json").read_text(encoding="utf-8"))
    salt, word = bytes.fromhex(held["licensee"]["salt"]), held["licensee"]["codeword"]
    statement = json.loads(base64.b64decode(held["roll"]["payload"]))
    root = bytes.fromhex(statement["predicate"]["positions"]["root"])
    parts = (b"ifrs/v2/licence/codeword", root, b"ACME")
    label = _lengths(*parts)
    stream = b"".join(
        hmac.digest(salt, _lengths(label, block.to_bytes(8, "big")), "sha256") for block in range(3)
    )
    coins = [int.from_bytes(stream[i : i + 2], "big") for i in range(0, 96, 2)]
    biases = [position["bias"] for position in held["positions"]]
    drawn = [int(coin < bias) for coin, bias in zip(coins, biases, strict=True)]
    assert "".join(map(str, drawn)) == word


def _lengths(*parts):
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def test_files_in_the_wrong_order_are_named(files):
    with pytest.raises(EvidenceError, match="both files are accusations"):
        ifrs.check_accusation(files / "accusation.json", files / "accusation.json")
    with pytest.raises(EvidenceError, match="wrong order"):
        ifrs.check_accusation(files / "roll.json", files / "accusation.json")
    with pytest.raises(EvidenceError, match="trace, which stays private"):
        ifrs.check_accusation(files / "trace.json", files / "roll.json")
    with pytest.raises(EvidenceError, match="check_accusation"):
        ifrs.check(files / "accusation.json", files / "roll.json")
    with pytest.raises(ValueError, match="alpha"):
        ifrs.check_accusation(files / "accusation.json", files / "roll.json", alpha=1)


def test_the_checker_sets_the_level_and_names_the_publisher(files, ring):
    accusation, roll = files / "accusation.json", files / "roll.json"
    strict = ifrs.check_accusation(accusation, roll, alpha=1e-20)
    assert (strict.ok, strict.accused, strict.stated["accused"]) == (True, False, True)
    named = ifrs.check_accusation(accusation, roll, publisher_key=ring.public_key)
    assert named.ok
    assert not any("announced" in note for note in named.notes)
    other = ifrs.check_accusation(accusation, roll, publisher_key=OTHER)
    assert any("another publisher" in problem for problem in other.problems)


def test_without_a_verified_stamp_no_roll_is_older_than_its_suspect(files):
    result = ifrs.check_accusation(
        files / "accusation.json", files / "roll.json", released="2099-01-01"
    )
    assert not result.accused
    assert any("the roll is older" in problem for problem in result.problems)


def test_the_page_shows_the_case_and_no_script(files):
    result = ifrs.check_accusation(files / "accusation.json", files / "roll.json")
    page = _page(result, files)
    assert "made of the copy of <bdi>ACME</bdi>" in page
    assert "<script" not in page
    assert "Bolt" not in page


def _page(result, files):
    result.save_html(files / "page.html")
    return (files / "page.html").read_text(encoding="utf-8")


def test_a_stamped_roll_is_older_than_its_suspect(files, ring, authority):  # noqa: F811
    pytest.importorskip("rfc3161_client")
    fps = ring["lic"]
    roll = ring.roll("lic", model="base").stamp(authority.url)
    roll.save(files / "stamped.json")
    made = accuse(trace(Reader(fps, readings_of(fps, "ACME")), fps), fps, roll)
    made.save(files / "dated.json")
    trusted = {"tsa_roots": [authority.root]}
    tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%d")
    result = ifrs.check_accusation(
        files / "dated.json", files / "stamped.json", released=tomorrow, **trusted
    )
    assert (result.accused, result.precedes_release) == (True, True)
    assert "The roll is older than the suspect" in _page(result, files)
    earlier = ifrs.check_accusation(
        files / "dated.json", files / "stamped.json", released="2026-01-01", **trusted
    )
    assert not earlier.ok
    assert "older than the suspect’s release" in _page(earlier, files)
    # The stamp lies beside the roll in its file, and in the accusation.
    other = ifrs.check_accusation(files / "dated.json", files / "roll.json")
    assert not other.ok
