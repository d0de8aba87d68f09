"""Sets under way to another process: sealed, and never in a repr."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ifrs.keyring import FingerprintSet, Keyring

_STATE = "IFRS_STATE_DIR"
# Scrypt's log2 N: what it protects is 32 random bytes, which no search finds.
_LIGHT = 2


@dataclass(frozen=True)
class Packed:
    """A keyring that holds some sets and no seed of theirs, and what opens it.

    Whoever holds both reads the sets: they go from process to process within one cluster. A pickle
    of it is what a cluster carries, so that it has one, unlike a keyring.
    """

    keyring: bytes = field(repr=False)
    passphrase: str = field(repr=False)

    @contextmanager
    def opened(self) -> Iterator[Keyring]:
        """The keyring, in a folder that is gone afterwards.

        Raises:
            OSError: There is no place for temporary files.
        """
        with _apart() as folder:
            path = folder / "keyring.ifrs"
            path.touch(0o600)
            path.write_bytes(self.keyring)
            with Keyring.open(path, passphrase=self.passphrase) as ring:
                yield ring


def pack(ring: Keyring, names: Sequence[str]) -> Packed:
    """Take sets out of a keyring, for other processes to read.

    Raises:
        KeyringError: A file cannot be written.
        KeyError: There is no such set.
    """
    passphrase = secrets.token_urlsafe(32)
    with _apart() as folder:
        path = folder / "keyring.ifrs"
        with Keyring.create(path, passphrase=passphrase, _work_factor=_LIGHT) as packed:
            for place, name in enumerate(names):
                sealed = folder / f"{place}.age"
                ring.export(name, sealed, passphrase=passphrase)
                packed.import_set(sealed, passphrase=passphrase, name=name)
        return Packed(path.read_bytes(), passphrase)


def sets_of(ring: Keyring) -> dict[str, FingerprintSet]:
    """All sets of a keyring, by name."""
    return {name: ring[name] for name in ring}


@contextmanager
def _apart() -> Iterator[Path]:
    """A private folder, with which what is remembered of keyrings there goes, too."""
    before = os.environ.get(_STATE)
    with tempfile.TemporaryDirectory(prefix="ifrs-") as folder:
        os.environ[_STATE] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ[_STATE]
            else:
                os.environ[_STATE] = before
