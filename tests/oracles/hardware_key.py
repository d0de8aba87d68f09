#!/usr/bin/env python3
"""A hardware key in software: an age plugin that holds its private keys in a folder.

It speaks the age plugin protocol (C2SP age-plugin) and opens what the `tag` and `tagpq` recipients
of the specification (C2SP age) seal: HPKE (RFC 9180) over P-256, or over ML-KEM-768 with P-256.
Primitives are those of `cryptography`; nothing here is shared with the code under test.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hmac import HMAC

NAME = "ifrstest"
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
P256, HYBRID = (16).to_bytes(2, "big"), (0x50).to_bytes(2, "big")
LABEL = b"MLKEM768-P256"


def _checksum(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if top >> bit & 1 else 0
    return check


def bech32(prefix: str, data: bytes) -> str:
    """Data in bech32 (BIP 173) without its limit of length."""
    bits = int.from_bytes(data, "big") << (-8 * len(data) % 5)
    count = -(-8 * len(data) // 5)
    words = [bits >> 5 * (count - 1 - place) & 31 for place in range(count)]
    head = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = _checksum([*head, *words, *[0] * 6]) ^ 1
    words += [check >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(CHARSET[word] for word in words)


def unbech32(text: str) -> bytes:
    words = [CHARSET.index(c) for c in text.lower().rpartition("1")[2][:-6]]
    bits = sum(word << 5 * place for place, word in enumerate(reversed(words)))
    size = 5 * len(words) // 8
    return (bits >> 5 * len(words) - 8 * size).to_bytes(size, "big")


def make(folder: Path) -> dict[str, str]:
    """Makes keys in a folder; the identity and a recipient of each kind."""
    classic, post = ec.generate_private_key(ec.SECP256R1()), mlkem.MLKEM768PrivateKey.generate()
    secret = classic.private_numbers().private_value.to_bytes(32, "big")
    (folder / "p256").write_bytes(secret)
    (folder / "mlkem").write_bytes(post.private_bytes_raw())
    (folder / "wrap").write_bytes(os.urandom(32))
    place = str(folder).encode()
    return {
        "identity": bech32(f"age-plugin-{NAME}-", place).upper(),
        "plugin": bech32(f"age1{NAME}", place),
        "tag": bech32("age1tag", _point(classic, compressed=True)),
        "tagpq": bech32("age1tagpq", post.public_key().public_bytes_raw() + _point(classic)),
    }


def _point(key: ec.EllipticCurvePrivateKey, compressed: bool = False) -> bytes:
    form = serialization.PublicFormat
    return key.public_key().public_bytes(
        serialization.Encoding.X962,
        form.CompressedPoint if compressed else form.UncompressedPoint,
    )


def _hmac(key: bytes, data: bytes) -> bytes:
    mac = HMAC(key or bytes(32), hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def _open(shared: bytes, suite: bytes, info: bytes, sealed: bytes) -> bytes:
    """HPKE.OpenBase after decapsulation (RFC 9180, section 5.1)."""
    suite = b"HPKE" + suite + (1).to_bytes(2, "big") + (3).to_bytes(2, "big")

    def extract(salt: bytes, label: bytes, key: bytes) -> bytes:
        return _hmac(salt, b"HPKE-v1" + suite + label + key)

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")

    def expand(label: bytes, size: int) -> bytes:
        labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return _hmac(secret, labelled + b"\1")[:size]

    return ChaCha20Poly1305(expand(b"key", 32)).decrypt(expand(b"base_nonce", 12), sealed, None)


def _shared_p256(key: ec.EllipticCurvePrivateKey, enc: bytes) -> bytes:
    """DHKEM(P-256, HKDF-SHA256).Decap (RFC 9180, section 4.1)."""
    peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), enc)
    suite, context = b"KEM" + P256, enc + _point(key)
    prk = _hmac(b"", b"HPKE-v1" + suite + b"eae_prk" + key.exchange(ec.ECDH(), peer))
    labelled = (32).to_bytes(2, "big") + b"HPKE-v1" + suite + b"shared_secret" + context
    return _hmac(prk, labelled + b"\1")


def _shared_hybrid(key: ec.EllipticCurvePrivateKey, seed: bytes, enc: bytes) -> bytes:
    post = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(enc[:1088])
    peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), enc[1088:])
    parts = post + key.exchange(ec.ECDH(), peer) + enc[1088:] + _point(key) + LABEL
    return hashlib.sha3_256(parts).digest()


def unwrap(folder: Path, kind: str, args: list[str], body: bytes) -> bytes | None:
    """The file key in a stanza, if it is for this key."""
    if kind == NAME:
        return ChaCha20Poly1305((folder / "wrap").read_bytes()).decrypt(bytes(12), body, None)
    if kind not in ("p256tag", "mlkem768p256tag"):
        return None
    key = ec.derive_private_key(
        int.from_bytes((folder / "p256").read_bytes(), "big"), ec.SECP256R1()
    )
    enc = _unbase64(args[1])
    info = f"age-encryption.org/{kind}".encode()
    if kind == "p256tag":
        return _open(_shared_p256(key, enc), P256, info, body)
    shared = _shared_hybrid(key, (folder / "mlkem").read_bytes(), enc)
    return _open(shared, HYBRID, info, body)


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def _read() -> tuple[list[str], bytes]:
    words, body = sys.stdin.readline().split()[1:], ""
    while len(line := sys.stdin.readline().strip()) == 64:
        body += line
    return words, _unbase64(body + line)


def _write(*words: str, body: bytes = b"") -> None:
    text = base64.b64encode(body).decode().rstrip("=")
    lines = [text[at : at + 64] for at in range(0, len(text) + 1, 64)]
    print(" ".join(["->", *words]), *lines, sep="\n", flush=True)


def _phase() -> list[tuple[list[str], bytes]]:
    said = []
    while (stanza := _read())[0][0] != "done":
        said.append(stanza)
    return said


def speak(machine: str) -> None:
    """Plays one of the protocol's state machines."""
    said = _phase()
    places = [unbech32(words[1]) for words, _ in said if words[0].startswith("add-")]
    folder = Path(os.fsdecode(places[0]))
    for words, body in said:
        if machine == "recipient-v1" and words[0] == "wrap-file-key":
            key = ChaCha20Poly1305((folder / "wrap").read_bytes())
            _write("recipient-stanza", "0", NAME, body=key.encrypt(bytes(12), body, None))
            _read()
        if machine == "identity-v1" and words[0] == "recipient-stanza":
            key = unwrap(folder, words[2], words[3:], body)
            if key is not None:
                _write("file-key", words[1], body=key)
                _read()
                break
    _write("done")


if __name__ == "__main__":
    speak(sys.argv[1].removeprefix("--age-plugin="))
