"""Accusations checked by docs/reference/formats.md alone, with nothing of ifrs."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from scipy import stats

VECTOR = Path(__file__).parents[1] / "vectors" / "v3-accusation-1"


def read(name):
    return json.loads((VECTOR / name).read_text(encoding="utf-8"))


def leaf(*parts: bytes) -> bytes:
    data = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(b"\x00" + data).digest()


def climbs(node: bytes, index: int, size: int, proof: list[str]) -> str:
    """The root that an audit path leads to (RFC 9162, 2.1.3.2)."""
    place, last = index, size - 1
    for sibling in map(bytes.fromhex, proof):
        if place % 2 or place == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while place % 2 == 0 and place:
                place, last = place // 2, last // 2
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        place, last = place // 2, last // 2
    assert last == 0
    return node.hex()


@pytest.fixture(params=["text", "weights", "blocks"])
def case(request):
    roll, found = read("roll.json"), read(f"accusation-{request.param}.json")
    payload = base64.b64decode(roll["payload"])
    kind = roll["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    statement = json.loads(payload)
    key = bytes.fromhex(statement["predicate"]["publisher"])
    signature = base64.b64decode(roll["signatures"][0]["sig"])
    Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    return statement["predicate"], found, key


def test_every_leaf_is_in_its_tree(case):
    roll, found, key = case
    for place, shown in enumerate(found["positions"]):
        index = found["first"] + place
        node = leaf(
            b"ifrs/licences/v1/position", key, bytes.fromhex(shown["salt"]),
            index.to_bytes(8, "big"), shown["bias"].to_bytes(8, "big"),
            shown["prompt"].encode(), *(one.encode() for one in shown["responses"]),
        )  # fmt: skip
        tree = roll["positions"]
        assert climbs(node, index, tree["n"], shown["proof"]) == tree["root"]
    who = found["licensee"]
    copies = [f"{copy['at']} {copy['form']} {copy['digest']}".encode() for copy in who["copies"]]
    node = leaf(
        b"ifrs/licences/v1/licensee", key, bytes.fromhex(roll["positions"]["root"]),
        bytes.fromhex(who["salt"]), who["name"].encode(), who["codeword"].encode(), *copies,
    )  # fmt: skip
    tree = roll["licensees"]
    assert climbs(node, who["place"], tree["n"], who["proof"]) == tree["root"]


def test_the_p_value_is_that_of_coins(case):
    roll, found, _ = case
    classes: dict[float, list[bool]] = {}
    for place, shown in enumerate(found["positions"]):
        bit = int(found["licensee"]["codeword"][found["first"] + place])
        read = reading(shown)
        if read is not None:
            share = shown["bias"] / 65536
            classes.setdefault(share if read else 1 - share, []).append(read == bit)
    score = sum(gain(m, hit) for m, hits in classes.items() for hit in hits)
    p = 0.0
    for counts in itertools.product(*(range(len(hits) + 1) for hits in classes.values())):
        chances, total = 1.0, 0.0
        for k, (m, hits) in zip(counts, classes.items(), strict=True):
            chances *= stats.binom.pmf(k, len(hits), m)
            total += k * gain(m, True) + (len(hits) - k) * gain(m, False)
        p += chances if total >= score - 1e-9 else 0.0
    blocks = -(-roll["positions"]["n"] // 16)
    looks = blocks * (blocks if found["first"] else 2)
    if found["evidence"] == "likelihood":
        looks = 2 if len(found["positions"]) == roll["positions"]["n"] else 2 * looks
    result = found["result"]
    assert result["looks"] == looks
    assert result["score"] == pytest.approx(score, abs=1e-9)
    wanted = math.log10(p * roll["licensees"]["n"] * looks)
    assert result["log10_p"] == pytest.approx(wanted, abs=1e-6)
    assert result["accused"] == (wanted <= -6)


def gain(m: float, hit: bool) -> float:
    return math.sqrt((1 - m) / m) if hit else -math.sqrt(m / (1 - m))


def reading(shown) -> int | None:
    if "weights" in shown:
        nats, evidence = shown["weights"]["nats"], shown["weights"]["evidence"]
        best = int(nats[1] > nats[0])
        return best if abs(nats[1] - nats[0]) >= 2 and evidence[best] >= 3 else None
    held = [response in shown["said"]["answer"] for response in shown["responses"]]
    return int(held[1]) if held[0] != held[1] else None
