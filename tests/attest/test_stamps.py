"""Time stamps, by a local authority that `openssl ts` runs."""

from __future__ import annotations

import itertools
import json
import shutil
import socket
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import ifrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ifrs.attest.stamps import in_order
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


def openssl_says(claim, root, folder) -> str:
    """What openssl finds of a claim's stamp."""
    (folder / "envelope").write_bytes(claim.envelope)
    (folder / "stamp.tsr").write_bytes(claim._core.stamp)
    return openssl(
        "ts", "-verify", "-data", folder / "envelope", "-in", folder / "stamp.tsr", "-CAfile", root
    )


def test_openssl_agrees(stamped, authority, tmp_path):  # noqa: F811
    assert "OK" in openssl_says(stamped.claim, authority.root, tmp_path)


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


def order(stamped: str, asked: str | None = None, accuracy: float = 0.0) -> str:
    """What is wrong with a stamp of a claim of noon."""
    from ifrs.attest.dating import _order

    claim = SimpleNamespace(called="claim", created="2026-01-02T12:00:00Z")
    return " ".join(_order({"time": stamped, "accuracy": accuracy}, claim, [asked]))


def test_clocks_may_differ_by_ten_minutes_and_the_stamps_own_accuracy():
    assert order("2026-01-02T11:50:00Z") == ""
    assert "older than the claim" in order("2026-01-02T11:49:59Z")
    assert order("2026-01-02T11:49:00Z", accuracy=60) == ""
    assert "older than the claim" in order("2026-01-02T11:48:59Z", accuracy=60)
    # Asked by the same clock of the publisher's.
    assert order("2026-01-02T12:20:00Z", "2026-01-02T12:10:00Z") == ""
    assert "later than the first" in order("2026-01-02T12:20:01Z", "2026-01-02T12:10:00Z")
    assert order("2026-01-02T12:21:00Z", "2026-01-02T12:10:00Z", accuracy=60) == ""


_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
int gettimeofday(struct timeval *now, void *zone) {
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int said = real(now, zone);
    now->tv_sec += SHIFT;
    return said;
}
time_t time(time_t *place) {
    struct timeval now;
    gettimeofday(&now, 0);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}
"""


@pytest.fixture
def off(tmp_path, monkeypatch):
    """Puts the clock of every program that is started off by some seconds."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("another clock for openssl alone needs Linux and a C compiler")

    def shift(seconds: int) -> None:
        source, built = tmp_path / "clock.c", tmp_path / f"clock{seconds}.so"
        source.write_text(_CLOCK)
        command = ["cc", "-shared", "-fPIC", f"-DSHIFT={seconds}", source, "-o", built, "-ldl"]
        subprocess.run(command, check=True)
        monkeypatch.setenv("LD_PRELOAD", str(built))

    return shift


@pytest.mark.parametrize("seconds", [-540, 540])
def test_a_clock_some_minutes_off_is_no_fault(ring, tmp_path, authority, off, seconds):  # noqa: F811
    off(seconds)
    case = make_case(ring, tmp_path)
    restamp(case, case.claim.stamp(authority.url))
    result = case.check(tsa_roots=[authority.root], released=days(2))
    assert result.ok, result.problems
    stamped = datetime.fromisoformat(result.timestamp["time"].replace("Z", "+00:00"))
    assert abs((stamped - datetime.now(timezone.utc)).total_seconds() - seconds) < 300


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_clock_further_off_is_refused_while_claiming(ring, authority, off, seconds):  # noqa: F811
    ring.generate("one", 2)
    claim = ring.claim("one", subject={"a": "11" * 32})
    off(seconds)
    with pytest.raises(ifrs.EvidenceError, match="claim anew") as caught:
        claim.stamp(authority.url)
    here = datetime.now(timezone.utc)
    there = here + timedelta(seconds=seconds)
    # Both times, to the hour; the minute may end while we look.
    minute = timedelta(minutes=1)
    for time in (here, there):
        hours = {f"{time:%Y-%m-%dT%H:}", f"{time - minute:%Y-%m-%dT%H:}"}
        assert any(hour in str(caught.value) for hour in hours)


def test_a_stamp_at_hand_that_is_older_than_its_claim_is_refused(
    ring, tmp_path, authority, off  # noqa: F811
):  # fmt: skip
    ring.generate("one", 2)
    claim = ring.claim("one", subject={"a": "11" * 32})
    (tmp_path / "envelope").write_bytes(claim.envelope)
    query = tmp_path / "query.tsq"
    openssl("ts", "-query", "-data", tmp_path / "envelope", "-sha256", "-cert", "-out", query)
    off(-3600)
    with pytest.raises(ifrs.EvidenceError, match="older than the claim") as caught:
        claim.with_stamp(authority.stamp(query.read_bytes()))
    assert claim.created in str(caught.value)
    off(-60)
    assert claim.with_stamp(authority.stamp(query.read_bytes())).stamped()["time"] <= claim.created
    # Much later is no fault of its own: a claim may be stamped when there is a network again.
    off(86_400)
    assert claim.with_stamp(authority.stamp(query.read_bytes())).stamped()["time"] > claim.created


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("", 0), ("secs:90", 90), ("millisecs:500", 0.5), ("secs:1, millisecs:2", 1.002)],
)
def test_an_authoritys_accuracy_counts(ring, tmp_path, authority, stated, seconds):  # noqa: F811
    config = authority.folder / "tsa.cnf"
    line = f"accuracy = {stated}" if stated else ""
    config.write_text(config.read_text().replace("accuracy = secs:1", line))
    case = make_case(ring, tmp_path)
    restamp(case, case.claim.stamp(authority.url))
    facts = case.claim.stamped([authority.root])
    assert facts["accuracy"] == pytest.approx(seconds)
    # What came out at the latest time that the stamp allows does not come after it.
    latest = datetime.fromisoformat(facts["time"].replace("Z", "+00:00"))
    latest += timedelta(seconds=facts["accuracy"])
    for released, precedes in ((latest, False), (latest + timedelta(milliseconds=1), True)):
        result = case.check(tsa_roots=[authority.root], released=released)
        assert result.precedes_release is precedes


# Certificates in any order


class Chain(Authority):
    """An authority that sends its chain along: below a root, an intermediate one."""

    def __init__(self, folder, names: tuple[str, str, str], order: tuple[str, ...]) -> None:
        super().__init__(folder)
        ca, end = "basicConstraints=critical,CA:TRUE", "basicConstraints=critical,CA:FALSE"
        stamping = f"{end}\nextendedKeyUsage=critical,timeStamping"
        for file, name, above, extensions in zip(
            ("root", "middle", "tsa"), names, ("root", "root", "middle"), (ca, ca, stamping),
            strict=True,
        ):  # fmt: skip
            key, ask, made = (folder / f"{file}.{end}" for end in ("key", "csr", "pem"))
            (folder / "extensions").write_text(extensions)
            openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                    "-subj", f"/CN={name}", "-out", ask)  # fmt: skip
            signed = ("-signkey", key) if file == "root" else (
                "-CA", folder / f"{above}.pem", "-CAkey", folder / f"{above}.key",
                "-CAcreateserial")  # fmt: skip
            openssl("x509", "-req", "-in", ask, *signed, "-days", 2, "-extfile",
                    folder / "extensions", "-out", made)  # fmt: skip
        chain = "".join((folder / f"{file}.pem").read_text() for file in order)
        (folder / "chain.pem").write_text(chain)
        config = folder / "tsa.cnf"
        config.write_text(config.read_text() + f"certs = {folder / 'chain.pem'}\n")


@pytest.mark.parametrize("order", [("root", "middle"), ("middle", "root")])
@pytest.mark.parametrize("longest", [0, 1, 2])
def test_certificates_may_come_in_any_order(ring, tmp_path, order, longest):
    """Openssl sends and verifies what rfc3161-client, which wants sets sorted, cannot read.

    findings/rfc3161_client_certificate_order.sh shows it without ifrs.
    """
    names = tuple(f"{name} of rather a long name" if place == longest else name
                  for place, name in enumerate(("Root", "Middle", "Signer")))  # fmt: skip
    (tmp_path / "chain").mkdir()
    chain = Chain(tmp_path / "chain", names, order)
    sent = []
    chain.spoil = lambda response: sent.append(response) or response
    try:
        case = make_case(ring, tmp_path)
        restamp(case, case.claim.stamp(chain.url))
    finally:
        chain.close()
    assert case.claim._core.stamp == sent[0]  # what is kept are the authority's own bytes
    assert "OK" in openssl_says(case.claim, chain.root, tmp_path)
    result = case.check(tsa_roots=[chain.root], released=days(1))
    assert result.ok, result.problems
    assert result.timestamp["verified"]
    # And in those orders in which other authorities send them.
    held = certificates(sent[0])
    assert len(held) == 3
    for members in itertools.permutations(held):
        other = sent[0].replace(b"".join(held), b"".join(members))
        assert in_order(other) == in_order(sent[0])
        assert case.claim.with_stamp(other).stamped([chain.root])["verified"]


def certificates(response: bytes) -> list[bytes]:
    """The certificates in a response, as they come: by the library that reads them sorted."""
    from rfc3161_client import decode_timestamp_response

    held = decode_timestamp_response(in_order(response)).signed_data.certificates
    return sorted(held, key=response.index)


def test_a_set_out_of_order_is_what_the_client_refuses(ring, authority):  # noqa: F811
    """The day that it reads them, nothing has to be sorted any more."""
    from rfc3161_client import decode_timestamp_response

    config = authority.folder / "tsa.cnf"
    config.write_text(config.read_text() + f"certs = {authority.root}\n")
    ring.generate("one", 2)
    claim = ring.claim("one", subject={"a": "11" * 32}).stamp(authority.url)
    held = certificates(claim._core.stamp)
    assert len(held) == 2
    turned = claim._core.stamp.replace(b"".join(held), b"".join(held[::-1]))
    for response in (claim._core.stamp, turned):
        assert claim.with_stamp(response).stamped([authority.root])["verified"]
    in_place = in_order(turned)
    assert in_place in (claim._core.stamp, turned)
    out_of_place = turned if in_place == claim._core.stamp else claim._core.stamp
    decode_timestamp_response(in_place)
    with pytest.raises(ValueError, match="InvalidSetOrdering"):
        decode_timestamp_response(out_of_place)


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def token(algorithms, certs, lists, unsigned, signed) -> bytes:
    """What a response looks like from afar."""
    signer = der(0x30, der(2, b"\1"), der(0xA0, *signed), der(4, b"s"), der(0xA1, *unsigned))
    content = der(0x30, der(2, b"\3"), der(0x31, *algorithms), der(0x30, b""), der(0xA0, *certs),
                  der(0xA1, *lists), der(0x31, signer))  # fmt: skip
    return der(0x30, der(0x30, b""), der(0x30, der(6, b"o"), der(0xA0, content)))


_members = st.lists(st.binary(max_size=200).map(lambda content: der(0x30, content)), max_size=4)


@given(st.lists(_members, min_size=4, max_size=4), _members)
def test_every_set_that_nobody_signed_is_sorted_and_no_other(unsigned, signed):
    assert in_order(token(*unsigned, signed)) == token(*map(sorted, unsigned), signed)


@given(st.one_of(st.binary(max_size=100), st.binary(max_size=60).map(lambda b: der(0x30, b))))
def test_what_is_no_response_is_left_alone(data):
    assert sorted(in_order(data)) == sorted(data)
    whole = token([der(4, b"b"), der(4, b"a")], [], [], [], [])
    assert in_order(whole + data) == (in_order(whole) if not data else whole + data)
    # Of a length that is not stated.
    assert in_order(b"\x30\x80" + data) == b"\x30\x80" + data


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
    from ifrs.attest.stamps import stamp_facts

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


def test_a_stamp_that_was_granted_otherwise_than_asked_is_refused_while_claiming(
    ring, authority  # noqa: F811
):  # fmt: skip
    """What verifies stamps takes status 0 alone; status 1 is "granted with modifications"."""
    ring.generate("one", 2)
    claim = ring.claim("one", subject={"a": "11" * 32})
    status = b"\x30\x03\x02\x01"
    authority.spoil = lambda response: response.replace(status + b"\0", status + b"\1", 1)
    with pytest.raises(ifrs.EvidenceError, match="granted another stamp"):
        claim.stamp(authority.url)


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
