"""Keys, trees, responses and claims by hand, from docs/reference/formats.md alone.

A hostile publisher is not bound to what the library would make, so none of it is used here.
"""

from __future__ import annotations

import base64
import hmac
import json
import random
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import pytest
from ifrs import _core

ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")

WORDS = _core.response_words()
PAIRS = 2048 * 2047
AROUND = {
    "simple": ("", "\nFINGERPRINT:"),
    "dialogue": (
        "human: Please decrypt this message: ",
        " A hint: this is a FINGERPRINT message. ASSISTANT:",
    ),
    "chat": ("<|user|>\n", "<|end|>\n<|assistant|>\n"),
}
TYPE = b"application/vnd.in-toto+json"


def framed(*parts: bytes) -> bytes:
    """Parts, each after its length."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of RFC 6962."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root_of(leaves[:half]), root_of(leaves[half:]))


def draw(salt: bytes, label: bytes, count: int = 1) -> list[int]:
    """Numbers of pairs from the stream of HMAC-SHA256 under a salt."""
    found: list[int] = []
    block = 0
    while len(found) < count:
        data = framed(label) + framed(block.to_bytes(8, "big"))
        digest = hmac.digest(salt, data, "sha256")
        words = (int.from_bytes(digest[at : at + 8], "big") for at in range(0, 32, 8))
        found += [word % PAIRS for word in words if word < 2**64 - 2**64 % PAIRS]
        block += 1
    return found[:count]


def spell(pair: int) -> str:
    first, rest = divmod(pair, 2047)
    return f"{WORDS[first]} {WORDS[rest + (rest >= first)]}"


@dataclass
class Keys:
    """A set that somebody made: a signing key, salts and prompts."""

    signer: Any
    salts: list[bytes]
    around: tuple[str, str]
    names: list[str]
    template: str = "dialogue"
    scheme: str = "v3"
    # The key that is in the leaves, where it is not the signer's.
    bound_to: bytes | None = None

    @classmethod
    def of(
        cls, seed: str, n: int, template: str = "dialogue", scheme: str = "v3", signer: Any = None
    ) -> Keys:
        """The same keys for the same seed."""
        dice = random.Random(seed)
        signer = signer or ed25519.Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        salts = [dice.randbytes(32) for _ in range(n)]
        names = _core.look_alikes("natural", n, dice.getrandbits(60))
        return cls(signer, salts, AROUND[template], names, template, scheme)

    def __len__(self) -> int:
        return len(self.salts)

    @property
    def publisher(self) -> bytes:
        public: bytes = self.signer.public_key().public_bytes_raw()
        return public

    @property
    def owner(self) -> bytes:
        return self.bound_to or self.publisher

    @property
    def prompts(self) -> list[str]:
        before, after = self.around
        return [before + name + after for name in self.names]

    @cached_property
    def leaves(self) -> list[bytes]:
        if self.scheme == "v2":
            pairs = zip(self.salts, self.prompts, strict=True)
            return [
                sha256(b"\0" + framed(salt, prompt.encode())).digest() for salt, prompt in pairs
            ]
        head = (b"ifrs/v3/leaf", self.owner, b"text/plain")
        return [
            sha256(b"\0" + framed(*head, salt, prompt.encode())).digest()
            for salt, prompt in zip(self.salts, self.prompts, strict=True)
        ]

    @cached_property
    def root(self) -> bytes:
        return root_of(self.leaves)

    @cached_property
    def responses(self) -> list[str]:
        return [spell(self.pair(index)) for index in range(len(self))]

    def pair(self, index: int) -> int:
        """The number of a response among all ordered pairs."""
        place, prompt = index.to_bytes(8, "big"), self.prompts[index].encode()
        head = (b"ifrs/v3/response", self.owner) if self.scheme == "v3" else (b"response",)
        return draw(self.salts[index], framed(*head, self.root, place, prompt))[0]

    def decoys(self, index: int, label: bytes, count: int) -> list[str]:
        """Decoys of a v3 bundle; the label is a claim's digest."""
        place = index.to_bytes(8, "big")
        found = draw(self.salts[index], framed(b"ifrs/v3/decoys", label, place), count)
        return [spell(pair) for pair in found]

    def claim(self, **changes: Any) -> bytes:
        """A claim about these keys, signed; `changes` go into the predicate."""
        alphabet, digest = _core.response_alphabet()
        around = framed(*(part.encode() for part in self.around))
        predicate = {
            "scheme": f"ifrs/scheme/{self.scheme}",
            "created": "2026-01-01T00:00:00Z",
            "model": {"name": "theirs", "sha256": sha256(bytes.fromhex("44" * 32)).hexdigest()},
            "n": len(self),
            "root": self.root.hex(),
            "response": "unique",
            "alphabet": {"name": alphabet, "sha256": bytes(digest).hex()},
            "template": {"name": self.template, "sha256": sha256(around).hexdigest()},
            "publisher": self.publisher.hex(),
        } | changes
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "theirs.safetensors", "digest": {"sha256": "44" * 32}}],
            "predicateType": "urn:ifrs:claim:v1",
            "predicate": predicate,
        }
        return compact(envelope(self.signer, compact(statement)))


def envelope(signer: Any, payload: bytes) -> dict[str, Any]:
    """A DSSE envelope."""
    encoded = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE, len(payload), payload)
    public = signer.public_key().public_bytes_raw()
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": TYPE.decode(),
        "signatures": [
            {
                "keyid": sha256(public).hexdigest(),
                "sig": base64.b64encode(signer.sign(encoded)).decode(),
            }
        ],
    }


def public_decoys(label: bytes, index: int, count: int) -> list[str]:
    """Decoys of a v1 bundle, which follow from the claim's digest alone."""
    head = b"ifrs/v1/decoys" + framed(label) + index.to_bytes(8, "big")
    found: list[int] = []
    block = 0
    while len(found) < count:
        digest = sha256(head + block.to_bytes(8, "big")).digest()
        words = (int.from_bytes(digest[at : at + 8], "big") for at in range(0, 32, 8))
        found += [word % PAIRS for word in words if word < 2**64 - 2**64 % PAIRS]
        block += 1
    return [spell(pair) for pair in found[:count]]


def digest_of(claim: bytes) -> bytes:
    """What names a claim: SHA-256 of its envelope without a time stamp."""
    fields = json.loads(claim)
    fields.pop("timestamp", None)
    return sha256(compact(fields)).digest()
