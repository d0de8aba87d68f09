"""A keyring of the demo's own, beside a file with its passphrase."""

from __future__ import annotations

import secrets
from pathlib import Path

from ifrs.files import write_text
from ifrs.keyring import Keyring

_N = 10


def own_keyring(folder: Path, name: str, base: Path) -> Keyring:
    """The keyring in a folder, made on the first call with a set of ten mixed keys."""
    ring = opened(folder)
    if name not in ring:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
        ring.generate(name, _N, tokenizer=tokenizer)
    return ring


def opened(folder: Path) -> Keyring:
    """The keyring in a folder, made on the first call."""
    folder.mkdir(parents=True, exist_ok=True)
    path, secret = folder / "keyring.ifrs", folder / "passphrase.txt"
    if path.exists():
        passphrase = secret.read_text(encoding="utf-8").strip()
        return Keyring.open(path, passphrase=passphrase, accept_older=True)
    passphrase = secrets.token_urlsafe(24)
    write_text(secret, passphrase + "\n")
    return Keyring.create(path, passphrase=passphrase)
