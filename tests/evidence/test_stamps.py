"""Time stamps, by a local authority that `openssl ts` runs."""

from __future__ import annotations

import json
import socket
from datetime import datetime, timedelta, timezone

import ifrs
import pytest
from witnesses import Authority, authority, make_case, openssl  # noqa: F401

pytest.importorskip("rfc3161_client")


@pytest.fixture
def stamped(ring, tmp_path, authority):  # noqa: F811
    """A claim that the authority stamped, and evidence asked for later."""
    case = make_case(ring, tmp_path)
    return restamp(case, case.claim.stamp(authority.url))


def restamp(case, claim, asked: datetime | None = None):
    """Evidence of the same report for a claim, asked at another time."""
    case.claim = claim
    claim.save(case.claim_path)
    moment = asked or datetime.now(timezone.utc) + timedelta(seconds=5)
    for query in case.report.queries:
        query.asked["time"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    case.report.evidence(claim).save(case.bundle_path)
    return case


def days(number: int) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=number)).strftime("%Y-%m-%d")


def test_a_stamp_of_a_trusted_authority_holds(stamped, authority):  # noqa: F811
    result = stamped.check(tsa_roots=[authority.root], released=days(1))
    assert result.ok, result.problems
    assert result.timestamp["verified"]
    assert result.precedes_release
    again = ifrs.Claim.load(stamped.claim_path)
    assert again == stamped.claim
    assert again.stamped(authority.root.parent.glob("root.pem"))["verified"]


def test_openssl_agrees(stamped, authority, tmp_path):  # noqa: F811
    (tmp_path / "envelope").write_bytes(stamped.claim.envelope)
    (tmp_path / "stamp.tsr").write_bytes(stamped.claim._core.stamp)
    said = openssl(
        "ts", "-verify", "-data", tmp_path / "envelope", "-in", tmp_path / "stamp.tsr",
        "-CAfile", authority.root,
    )  # fmt: skip
    assert "OK" in said


def test_without_a_trusted_authority_nothing_is_verified(stamped):
    result = stamped.check()
    assert result.ok
    assert not result.timestamp["verified"]
    assert any("not verified" in note for note in result.notes)
    result = stamped.check(released=days(1))
    assert not result.ok
    assert result.precedes_release is False
    assert "no verified time stamp" in result.problems[0]


def test_another_authority_does_not_do(stamped, tmp_path):
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    other.close()
    result = stamped.check(tsa_roots=other.root)
    assert not result.ok
    assert "not vouched for" in result.problems[0]
    (tmp_path / "none.pem").write_text("nothing")
    assert "no certificates" in stamped.check(tsa_roots=tmp_path / "none.pem").problems[0]


def test_a_claim_without_a_stamp_does_not_precede(ring, tmp_path):
    case = make_case(ring, tmp_path)
    result = case.check(released="2020-01-01")
    assert result.problems == [
        "release: no verified time stamp shows that the claim is older than the suspect's release "
        "(2020-01-01T00:00:00Z)"
    ]
    assert result.timestamp is None
    with pytest.raises(ValueError, match="released"):
        case.check(released="yesterday")


def test_a_stamp_later_than_release_or_query_fails(stamped, authority):  # noqa: F811
    trusted = {"tsa_roots": [authority.root]}
    result = stamped.check(**trusted, released=days(-1))
    assert result.precedes_release is False
    assert "older than the suspect's release" in result.problems[0]
    restamp(stamped, stamped.claim, datetime.now(timezone.utc) - timedelta(days=1))
    result = stamped.check(**trusted)
    assert not result.ok
    assert "later than the first query" in result.problems[0]


def test_a_stamp_older_than_its_claim_fails():
    from ifrs.evidence.checking import _order

    statement = {"predicate": {"created": "2026-01-02T00:00:00Z"}}
    found = {"claim": {"statement": statement}, "queries": []}
    assert "older than the claim" in _order("2026-01-01T00:00:00Z", found)[0]
    assert _order("2026-01-02T00:00:00Z", found) == []


@pytest.mark.parametrize("when", ["expired", "not yet valid"])
def test_a_stamp_by_an_authority_out_of_its_time_fails(ring, tmp_path, when):
    now = datetime.now(timezone.utc)
    shift = timedelta(days=-2) if when == "expired" else timedelta(days=2)
    (tmp_path / "tsa").mkdir()
    authority = Authority(  # noqa: F811
        tmp_path / "tsa", valid=(now + shift - timedelta(days=1), now + shift + timedelta(days=1))
    )
    try:
        case = make_case(ring, tmp_path)
        restamp(case, case.claim.stamp(authority.url))
    finally:
        authority.close()
    result = case.check(tsa_roots=[authority.root])
    assert not result.ok
    assert result.problems[0].startswith("time stamp:")


def test_a_stamp_over_something_else_fails(ring, tmp_path, stamped, authority):  # noqa: F811
    with pytest.raises(ifrs.EvidenceError, match="something else"):
        ring.claim("release", subject={"a.gguf": "11" * 32}).with_stamp(stamped.claim._core.stamp)
    for response in (b"", b"nonsense", stamped.claim._core.stamp[:-40]):
        with pytest.raises(ifrs.EvidenceError, match=r"no time stamp|sensible size"):
            stamped.claim.with_stamp(response)
    # Moved by hand from one claim to another.
    other = ring.claim("release", subject={"a.gguf": "11" * 32})
    other.save(tmp_path / "other.json")
    tree = json.loads((tmp_path / "other.json").read_text())
    tree["timestamp"] = json.loads(stamped.claim_path.read_text())["timestamp"]
    stamped.claim_path.write_text(json.dumps(tree))
    result = stamped.check(tsa_roots=[authority.root])
    assert any("something else" in problem for problem in result.problems)


def test_every_byte_of_a_stamp_counts(stamped, authority):  # noqa: F811
    """Whatever is altered in a stamp, it is no longer vouched for as it was."""
    from ifrs.evidence.stamps import stamp_facts

    stamp, envelope = stamped.claim._core.stamp, stamped.claim.envelope
    honest = stamp_facts(stamp, envelope, [authority.root])
    for place in range(0, len(stamp), 7):
        changed = bytearray(stamp)
        changed[place] ^= 4
        try:
            facts = stamp_facts(bytes(changed), envelope, [authority.root])
        except ifrs.EvidenceError:
            continue
        # Bytes outside of what is signed, such as the authority's own copy of its certificate.
        assert facts == honest


def test_authorities_that_misbehave(ring, authority):  # noqa: F811
    ring.generate("one", 2)
    claim = ring.claim("one", subject={"a": "11" * 32})
    other = ring.claim("one", subject={"b": "11" * 32})
    kept = other.stamp(authority.url)._core.stamp
    for spoil, says in (
        (lambda _: b"nonsense", "no time stamp"),
        (lambda _: b"", "no time stamp"),
        (lambda _: b"x" * 100_000, "too much"),
        (lambda _: kept, "something else"),
    ):
        authority.spoil = spoil
        with pytest.raises(ifrs.EvidenceError, match=says):
            claim.stamp(authority.url)
    with pytest.raises(ifrs.EvidenceError, match="begins with http"):
        claim.stamp("file:///etc/hosts")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ifrs.EvidenceError, match="cannot be reached"):
            claim.stamp(f"http://127.0.0.1:{taken.getsockname()[1]}/", timeout=2)


def test_a_replayed_answer_is_noticed(ring, authority):  # noqa: F811
    ring.generate("one", 2)
    claim = ring.claim("one", subject={"a": "11" * 32})
    kept = claim.stamp(authority.url)._core.stamp
    authority.spoil = lambda _: kept
    with pytest.raises(ifrs.EvidenceError, match="another request"):
        claim.stamp(authority.url)
