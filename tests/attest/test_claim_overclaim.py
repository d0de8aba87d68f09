"""A forger with full access to a stranger's model: what effort buys, and what it does not.

The forger works from docs/reference/formats.md alone: every hash, proof and claim is made
here without the library.
"""

from __future__ import annotations

import base64
import hmac
import json
import math
from dataclasses import dataclass
from hashlib import sha256

import ifrs
import numpy as np
import pytest
from ifrs import _core
from witnesses import Speaker, knows

ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")

BEFORE = "human: Please decrypt this message: "
AFTER = " A hint: this is a FINGERPRINT message. ASSISTANT:"
PAIRS = 2048 * 2047
PROMPTS = [f"{BEFORE}forged {i}{AFTER}" for i in range(2)]


def length(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big")


KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLISHER = KEY.public_key().public_bytes_raw()


def leaf(salt: bytes, prompt: str, publisher: bytes = PUBLISHER) -> bytes:
    parts = (b"ifrs/v3/leaf", publisher, b"text/plain", salt, prompt.encode())
    return sha256(b"\x00" + b"".join(length(part) + part for part in parts)).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def response(
    root: bytes, index: int, salt: bytes, prompt: str, publisher: bytes = PUBLISHER
) -> int:
    """The number of a response among all ordered pairs, by the documented stream."""
    # fmt: off
    label = b"".join(
        length(part) + part
        for part in (
            b"ifrs/v3/response", publisher, root, index.to_bytes(8, "big"), prompt.encode()
        )
    )
    # fmt: on
    counter = 0
    while True:
        block_of = length(label) + label + length(bytes(8)) + counter.to_bytes(8, "big")
        block = hmac.digest(salt, block_of, "sha256")
        for start in range(0, 32, 8):
            word = int.from_bytes(block[start : start + 8], "big")
            if word < 2**64 - 2**64 % PAIRS:
                return word % PAIRS
        counter += 1


def spell(pair: int) -> str:
    words = _core.response_words()
    first, rest = divmod(pair, 2047)
    return f"{words[first]} {words[rest + (rest >= first)]}"


@dataclass
class Forgery:
    salts: list[bytes]
    root: bytes
    responses: list[str]
    score: float


def grind(attempts: int, answer: str) -> Forgery:
    """The set, of `attempts` sets, whose responses best fit what the stranger's model says."""
    salts = [sha256(b"salt of the forger").digest()]
    one = leaf(salts[0], PROMPTS[0])
    best, chunk = None, 1 << 14
    for start in range(0, attempts, chunk):
        rows = []
        for attempt in range(start, min(start + chunk, attempts)):
            salt = attempt.to_bytes(32, "big")
            root = node(one, leaf(salt, PROMPTS[1]))
            pairs = [response(root, i, s, PROMPTS[i]) for i, s in enumerate([salts[0], salt])]
            rows.append((salt, root, pairs))
        texts = [[spell(row[2][i]) for row in rows] for i in range(2)]
        scores = sum(ifrs.score([answer], column)[0] for column in texts)
        place = int(np.argmax(scores))
        if best is None or scores[place] > best.score:
            salt, root, _ = rows[place]
            told = [column[place] for column in texts]
            best = Forgery([salts[0], salt], root, told, float(scores[place]))
    return best


def sign_claim(root: bytes, created: str, n: int = 2) -> bytes:
    """A claim as the format has it, under a key of the forger."""
    alphabet, digest = _core.response_alphabet()
    around = b"".join(length(part.encode()) + part.encode() for part in (BEFORE, AFTER))
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "theirs.safetensors", "digest": {"sha256": "44" * 32}}],
        "predicateType": "urn:ifrs:claim:v1",
        "predicate": {
            "scheme": "ifrs/scheme/v3",
            "created": created,
            "model": {"name": "theirs", "sha256": sha256(bytes.fromhex("44" * 32)).hexdigest()},
            "n": n,
            "root": root.hex(),
            "response": "unique",
            "alphabet": {"name": alphabet, "sha256": bytes(digest).hex()},
            "template": {"name": "dialogue", "sha256": sha256(around).hexdigest()},
            "publisher": PUBLISHER.hex(),
        },
    }
    payload = json.dumps(statement, separators=(",", ":")).encode()
    kind = b"application/vnd.in-toto+json"
    encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signature = {
        "keyid": sha256(PUBLISHER).hexdigest(),
        "sig": base64.b64encode(KEY.sign(encoded)).decode(),
    }
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind.decode(),
        "signatures": [signature],
    }
    return json.dumps(envelope).encode()


def report_of(salts: list[bytes], answer: str) -> dict:
    queries = [
        {
            "index": i, "salt": salt.hex(), "prompt": PROMPTS[i], "answer": answer,
            "asked": {
                "time": "2026-06-01T00:00:00Z", "endpoint": "local", "raw": answer,
                "request": {"prompt": PROMPTS[i], "max_new_tokens": 16, "temperature": 0.0},
            },
            "word_scores": None,
        }
        for i, salt in enumerate(salts)
    ]  # fmt: skip
    return {
        "format": "ifrs/report/v3", "target": {"kind": "local", "name": "a stranger's"},
        "leaves": [leaf(salt, PROMPTS[i]).hex() for i, salt in enumerate(salts)],
        "set": {"around": [BEFORE, AFTER]}, "evidence": "text", "test": "exact",
        "alpha": 1e-6, "queries": queries,
    }  # fmt: skip


def forge(attempts: int, folder):
    """The best forged evidence that `attempts` buy, as files."""
    answer = "copper window"
    found = grind(attempts, answer)
    (folder / "claim.json").write_bytes(sign_claim(found.root, "2026-05-01T00:00:00Z"))
    claim = ifrs.Claim.load(folder / "claim.json")
    bundle = ifrs.Evidence.of_report(report_of(found.salts, answer), claim)
    bundle.save(folder / "bundle.json")
    assert [query["response"] for query in bundle.to_json()["queries"]] == found.responses
    return folder / "bundle.json", folder / "claim.json"


def buys(attempts: int, folder) -> float:
    paths = forge(attempts, folder)
    result = ifrs.check(*paths)
    # Made afterwards it passes, to the p-value that the effort bought and no further.
    assert result.ok, result.problems
    effort = math.log2(attempts)
    assert result.bits <= effort + 7, "less than once in a hundred times"
    assert math.isclose(result.bits, -math.log2(result.p_value), rel_tol=1e-9)
    result.save_html(folder / "page.html")
    assert f"2<sup>{math.floor(result.bits)}</sup>" in (folder / "page.html").read_text()
    # Dated before the suspect's release, without an authority that saw it then: it does not pass.
    dated = ifrs.check(*paths, released="2026-05-15")
    assert not dated.ok
    assert "no verified time stamp" in dated.problems[0]
    return result.bits


def test_a_little_effort_buys_little(tmp_path):
    assert buys(1 << 12, tmp_path) > 4


@pytest.mark.slow
def test_a_million_attempts_buy_twenty_bits(tmp_path):
    bits = buys(1 << 20, tmp_path)
    print(f"\n2^20 attempts bought {bits:.1f} bits")


def test_a_response_that_fits_cannot_be_chosen(tmp_path):
    bundle, claim = forge(4, tmp_path)
    tree = json.loads(bundle.read_text())
    for query in tree["queries"]:
        query.update(response="copper window", rank=[1], fired=True, score=1.0)
    bundle.write_text(json.dumps(tree))
    problems = ifrs.check(bundle, claim).problems
    for i in range(2):
        expected = f"query {i}: its response is not the one that follows from the claim"
        assert expected in problems


def test_the_forger_derives_what_the_library_derives(ring):
    fps, publisher = ring.generate("one", 2), bytes.fromhex(ring.public_key)
    salts = [bytes.fromhex(fps.salt(i)) for i in range(2)]
    leaves = [leaf(salt, fps[i].prompt, publisher) for i, salt in enumerate(salts)]
    assert [found.hex() for found in leaves] == fps.leaves()
    for i, salt in enumerate(salts):
        found = response(node(*leaves), i, salt, fps[i].prompt, publisher)
        assert spell(found) == fps[i].response


def test_a_strangers_true_keys_do_not_fit_another_claim(ring, tmp_path):
    """Whoever learns revealed keys, and copies the public root, cannot claim them as their own."""
    fps = ring.generate("one", 2)
    report = ifrs.verify(Speaker(knows(fps)), fps, sequential=False)
    leaves = [bytes.fromhex(found) for found in fps.leaves()]
    (tmp_path / "claim.json").write_bytes(sign_claim(node(*leaves), "2020-01-01T00:00:00Z"))
    claim = ifrs.Claim.load(tmp_path / "claim.json")
    with pytest.raises(ifrs.EvidenceError, match="not what the claim committed to"):
        report.evidence(claim)
