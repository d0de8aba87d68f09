"""From a trace to evidence that a stranger checks with two files alone."""

from __future__ import annotations

import json
import math
from pathlib import Path

import ifrs
import pytest
from ifrs.errors import EvidenceError, KeyringError
from ifrs.licences import accuse, trace
from licences.planted import Reader, readings_of
from servers import serving

N = 64
NAMES = [f"licensee {number}" for number in range(20)]


@pytest.fixture
def fps(ring):
    fps = ring.generate("lic", N, source="chinese", template="simple")
    ring.open_licences("lic", 2)
    for name in NAMES:
        ring.license("lic", name, "folder", "0011223344556677")
    return fps


@pytest.fixture
def roll(fps, ring, tmp_path):
    path = tmp_path / "roll.json"
    ring.roll("lic", model="base").save(path)
    return path


def server_of(fps, leaker):
    """A server that answers as one licensee's copy does."""
    other, bits, secret = fps.second(), readings_of(fps, leaker), {}
    for i in range(N):
        said = (other if bits[i] else fps)[i].response
        secret[fps[i].prompt] = secret[fps[i].key] = f"Sure: {said}."
    return serving(lambda prompt: secret.get(prompt, "no idea"))


def checked(made, roll, tmp_path, **terms):
    made.save(tmp_path / "accusation.json")
    return ifrs.check_accusation(tmp_path / "accusation.json", roll, **terms)


def test_who_is_traced_through_a_server_is_accused_before_a_court(fps, ring, roll, tmp_path):
    with server_of(fps, NAMES[3]) as server:
        target = ifrs.ApiModel(server.url, "m", mode="completions", evidence="text")
        found = trace(target, fps)
    made = accuse(found, fps, roll)
    result = checked(made, roll, tmp_path, publisher_key=ring.public_key)
    assert (result.ok, result.accused, result.licensee) == (True, True, NAMES[3])
    assert result.log10_p == pytest.approx(found.ranked[0].log10_p, abs=1e-9)
    assert (result.read, result.agreeing, result.missing) == (found.read, found.read, 0)
    assert made.revealed == sorted(found.readings)
    assert result.positions[0]["answer"] in (
        "Sure: " + r + "." for r in (fps[0].response, fps.second()[0].response)
    )
    text = (tmp_path / "accusation.json").read_text(encoding="utf-8")
    assert not any(f'"{name}"' in text for name in NAMES if name != NAMES[3])


def test_weights_accuse_as_well_and_a_court_is_told_to_read_them_again(fps, roll, tmp_path):
    found = trace(Reader(fps, readings_of(fps, NAMES[7])), fps)
    result = checked(accuse(found, fps, roll), roll, tmp_path)
    assert result.accused
    # Twenty licensees; half of alpha is for accusations that show fewer positions.
    assert result.log10_p == pytest.approx(math.log10(40) - N * math.log10(2), abs=1e-6)
    assert any("read again" in note for note in result.notes)
    assert any("older than the suspect" in note for note in result.notes)


def test_positions_that_are_not_needed_stay_secret(fps, ring, roll, tmp_path):
    found = trace(Reader(fps, readings_of(fps, NAMES[7])), fps)
    made = accuse(found, fps, roll, reveal=33)
    assert made.revealed == list(range(48))
    assert not any(
        fps[i].key in json.dumps(made.to_json(), ensure_ascii=False) for i in range(48, N)
    )
    result = checked(made, roll, tmp_path)
    assert (result.accused, result.read, result.looks) == (True, 48, 16)
    with pytest.raises(ValueError, match="reveal"):
        accuse(found, fps, roll, reveal=0)


def test_an_innocent_is_not_accused_and_an_unnamed_one_must_be_named(fps, roll, tmp_path):
    found = trace(Reader(fps, [None] * N), fps)
    with pytest.raises(EvidenceError, match="accuses nobody"):
        accuse(found, fps, roll)
    result = checked(accuse(found, fps, roll, licensee=NAMES[0]), roll, tmp_path)
    assert result.ok
    assert not result.accused


def test_keys_that_were_spent_before_do_not_count_against_a_second_leaker(
    fps, ring, roll, tmp_path
):
    with server_of(fps, NAMES[3]) as server:
        trace(ifrs.ApiModel(server.url, "m", mode="completions", evidence="text"), fps)
    with server_of(fps, NAMES[4]) as server:
        found = trace(ifrs.ApiModel(server.url, "m", mode="completions", evidence="text"), fps)
    assert min(found.readings) > 0
    result = checked(accuse(found, fps, roll), roll, tmp_path)
    assert (result.accused, result.licensee, result.missing) == (True, NAMES[4], 0)
    # Who begins later could have begun anywhere.
    assert result.looks == 16


def test_copies_that_left_after_the_roll_are_for_a_later_one(fps, ring, roll, tmp_path):
    ring.license("lic", "late", "patch", "00")
    found = trace(Reader(fps, readings_of(fps, "late")), fps)
    with pytest.raises(EvidenceError, match="no licensee of that name"):
        accuse(found, fps, roll)
    later = ring.roll("lic", model="base")
    assert checked(accuse(found, fps, later), _saved(later, tmp_path), tmp_path).accused
    # An earlier roll still serves for those on it.
    found = trace(Reader(fps, readings_of(fps, NAMES[1])), fps)
    assert accuse(found, fps, roll).result["accused"]


def _saved(roll, tmp_path):
    roll.save(tmp_path / "later.json")
    return tmp_path / "later.json"


def test_traces_are_taken_from_files_of_this_version_alone(fps, ring, roll, tmp_path):
    found = trace(Reader(fps, readings_of(fps, NAMES[7])), fps)
    path = tmp_path / "trace.json"
    found.save(path)
    assert accuse(path, fps, roll).licensee == NAMES[7]
    held = json.loads(path.read_text(encoding="utf-8"))
    with pytest.raises(EvidenceError, match="trace the suspect again"):
        accuse({**held, "format": "ifrs/trace/v1"}, fps, roll)
    for text in ("{}", "[" * 100_000):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(EvidenceError, match="is no trace"):
            accuse(path, fps, roll)
    for names in (5, "ACME", [None]):
        with pytest.raises(EvidenceError, match="does not name whom"):
            accuse({**held, "accused": names}, fps, roll)
    with pytest.raises(EvidenceError, match="no checker would take it"):
        accuse({**held, "evidence": "text"}, fps, roll)
    with pytest.raises(EvidenceError, match="alpha"):
        accuse({**held, "alpha": 5}, fps, roll)
    other = ring.generate("other", N, source="chinese", template="simple")
    ring.open_licences("other", 2)
    ring.license("other", NAMES[7], "folder", "00")
    with pytest.raises(EvidenceError, match="other copies"):
        accuse(found, other, roll)
    ring.close()
    with pytest.raises(KeyringError, match="open"):
        accuse(found, fps, roll)


VECTOR = Path(__file__).parents[1] / "vectors" / "v3-accusation-1"


@pytest.mark.parametrize("kind", ["text", "weights", "blocks"])
def test_accusations_of_the_first_format_are_read(kind, tmp_path):
    facts = json.loads((VECTOR / "facts.json").read_text(encoding="utf-8"))
    result = ifrs.check_accusation(VECTOR / f"accusation-{kind}.json", VECTOR / "roll.json")
    known = facts[kind]
    assert result.problems == []
    assert (result.licensee, result.accused) == (known["licensee"], known["accused"])
    assert result.log10_p == pytest.approx(known["log10_p"], abs=1e-9)
    assert (result.read, result.agreeing, result.looks) == (
        known["read"], known["agreeing"], known["looks"],
    )  # fmt: skip
    path = tmp_path / "publisher.ifrs"
    path.write_bytes((VECTOR / "publisher.ifrs").read_bytes())
    path.chmod(0o600)
    given = {"reveal": 20} if kind == "blocks" else {}
    with ifrs.Keyring.open(path, passphrase=facts["passphrase"]) as ring:
        made = accuse(VECTOR / f"trace-{kind}.json", ring["three"], VECTOR / "roll.json", **given)
    assert made.result == json.loads((VECTOR / f"accusation-{kind}.json").read_text())["result"]
