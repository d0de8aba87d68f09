"""Claims: what they say, what they do not, and who signed them."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

import ifrs
import pytest
from helpers import FAST, secrets_of
from ifrs.attest.digests import model_digests
from witnesses import WEIGHTS, make_case


def payload_of(path) -> dict:
    return json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))


@pytest.fixture
def folder(tmp_path):
    """A model's folder, as transformers writes one."""
    folder = tmp_path / "released"
    (folder / "sub").mkdir(parents=True)
    (folder / "model-00001.safetensors").write_bytes(b"one")
    (folder / "sub" / "model-00002.safetensors").write_bytes(b"two")
    (folder / "config.json").write_text("{}")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "old.safetensors").write_bytes(b"old")
    return folder


def test_a_claim_is_not_replaced_by_another(ring, folder, tmp_path):
    ring.generate("one", 5)
    ring.generate("two", 5)
    path = tmp_path / "claim.json"
    claim, other = (ring.claim(name, subject=folder) for name in ("one", "two"))
    claim.save(path)
    claim.save(path)
    written = path.read_bytes()
    with pytest.raises(FileExistsError, match="not replaced"):
        other.save(path)
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(FileExistsError, match="not replaced"):
        other.save(tmp_path / "notes.json")
    assert path.read_bytes() == written


def test_a_claim_is_an_in_toto_statement_about_the_weight_files(ring, folder, tmp_path):
    fps = ring.generate("one", 5)
    claim = ring.claim("one", subject=folder)
    claim.save(tmp_path / "claim.json")
    statement = payload_of(tmp_path / "claim.json")
    digests = {
        "model-00001.safetensors": sha256(b"one").hexdigest(),
        "sub/model-00002.safetensors": sha256(b"two").hexdigest(),
    }
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert {s["name"]: s["digest"]["sha256"] for s in statement["subject"]} == digests
    assert claim.subject == digests == model_digests(folder)
    predicate = statement["predicate"]
    # OpenSSF Model Signing's digest of the whole: over the files' digests in order of names.
    whole = sha256(b"".join(bytes.fromhex(digests[name]) for name in sorted(digests)))
    assert predicate["model"] == {"name": "released", "sha256": whole.hexdigest()}
    assert (predicate["n"], claim.n, claim.model) == (5, 5, "released")
    assert predicate["publisher"] == ring.public_key == claim.publisher_key
    written = (tmp_path / "claim.json").read_text() + json.dumps(statement)
    assert not [secret for secret in secrets_of(fps) if secret in written]
    assert not any(fps.salt(i) in written for i in range(5))


def test_the_root_is_that_of_the_leaves(ring, tmp_path):
    case = make_case(ring, tmp_path, n=5)
    leaves = [bytes.fromhex(leaf) for leaf in case.fps.leaves()]

    def node(left, right):
        return sha256(b"\x01" + left + right).digest()

    four = node(node(leaves[0], leaves[1]), node(leaves[2], leaves[3]))
    root = node(four, leaves[4]).hex()
    assert payload_of(case.claim_path)["predicate"]["root"] == root


def test_the_signature_is_ed25519_over_the_dsse_encoding(ring, tmp_path):
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    case = make_case(ring, tmp_path)
    envelope = json.loads(case.claim_path.read_text())
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    key = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(ring.public_key))
    key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), encoded)
    assert envelope["signatures"][0]["keyid"] == sha256(key.public_bytes_raw()).hexdigest()
    assert case.claim.digest == sha256(case.claim.envelope).hexdigest()


def test_the_key_comes_back_with_the_keyring(ring, tmp_path):
    again = ifrs.Keyring.open(ring.path, passphrase="pass")
    assert again.public_key == ring.public_key
    other = ifrs.Keyring.create(tmp_path / "other", passphrase="x", _work_factor=FAST)
    assert other.public_key != ring.public_key
    fps = ring.generate("one", 2)
    ring.export("one", tmp_path / "one.set", passphrase="y")
    other.import_set(tmp_path / "one.set", passphrase="y")
    # Its responses are bound to the key of the keyring that it was made in.
    assert other["one"].leaves() == fps.leaves()
    assert [other["one"][i].response for i in range(2)] == [fps[i].response for i in range(2)]
    assert other["one"].publisher == ring.public_key
    with pytest.raises(ifrs.EvidenceError, match=f"{ring.public_key}.*have its publisher claim"):
        other.claim("one", subject=WEIGHTS)


def test_claims_are_journalled(ring):
    ring.generate("one", 2)
    claim = ring.claim("one", subject=WEIGHTS)
    entry = ring.journal()[-1]
    assert (entry["event"], entry["set"], entry["to"]) == ("claimed", "one", [claim.digest])
    assert ring.spent("one") == []


def test_claims_are_read_back(ring, tmp_path):
    case = make_case(ring, tmp_path)
    read = ifrs.Claim.load(case.claim_path)
    assert read == case.claim
    assert hash(read) == hash(case.claim)
    read.verify()
    read.verify(ring.public_key)
    read.verify(bytes.fromhex(ring.public_key))
    (tmp_path / "key.txt").write_text(ring.public_key + "\n")
    read.verify(tmp_path / "key.txt")
    read.verify(base64.b64encode(bytes.fromhex(ring.public_key)).decode())
    with pytest.raises(ifrs.EvidenceError, match="another publisher"):
        read.verify("11" * 32)
    with pytest.raises(ValueError, match="public key"):
        read.verify("nonsense")
    assert case.fps[0].key not in repr(read)


def test_what_is_no_claim_is_refused(tmp_path):
    for text in ("", "{}", "[]", "null", '{"payload": ""}', "\xff", '{"a":1,"a":2}'):
        (tmp_path / "claim.json").write_text(text, encoding="latin-1")
        with pytest.raises(ifrs.EvidenceError, match="claim cannot be read"):
            ifrs.Claim.load(tmp_path / "claim.json")
    with pytest.raises(OSError, match="No such"):
        ifrs.Claim.load(tmp_path / "none.json")


def test_subjects_that_cannot_be(ring, tmp_path):
    ring.generate("one", 2)
    entries = len(ring.journal())
    (tmp_path / "empty").mkdir()
    for subject, says in (
        (tmp_path / "none", "no model at"),
        (tmp_path / "empty", "no weight file"),
        ({}, "no files"),
        ({"a": "12"}, "64 lower-case"),
        ({"a\n": "11" * 32}, "control characters"),
    ):
        with pytest.raises(ifrs.EvidenceError, match=says):
            ring.claim("one", subject=subject)
    with pytest.raises(TypeError, match="subject"):
        ring.claim("one", subject=3)
    with pytest.raises(KeyError, match="no set"):
        ring.claim("none", subject=WEIGHTS)
    assert len(ring.journal()) == entries
