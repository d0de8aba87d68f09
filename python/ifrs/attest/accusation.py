"""Accusations: one licensee's codeword, what a suspect answered, and what follows from both."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ifrs import _core
from ifrs.attest.bundle import packed, unpacked
from ifrs.attest.roll import Roll
from ifrs.attest.signed import PathLike
from ifrs.errors import EvidenceError
from ifrs.files import write_bytes

# (when, form, digest, whose) of a copy that left.
Issued = tuple[str, str, str, str]


class Accusation:
    """Evidence that a suspect was made of one licensee's copy.

    It shows the positions that were asked, with their keys and responses, and that licensee's
    codeword; of other licensees it shows nothing. `ifrs.licences.accuse` makes one, and
    `ifrs.check_accusation` checks it.
    """

    def __init__(self, file: bytes) -> None:
        """Use `ifrs.licences.accuse` or `Accusation.load`."""
        self._file = file

    @classmethod
    def of_trace(
        cls,
        trace: Mapping[str, Any],
        fps: _core.FingerprintSet,
        roll: Roll,
        issued: Sequence[Issued],
        licensee: str,
        *,
        reveal: int | None = None,
    ) -> Accusation:
        """Make one of a trace's JSON; see `ifrs.licences.accuse`."""
        roll.verify()
        try:
            data = json.dumps(trace, ensure_ascii=False, allow_nan=False).encode()
        except ValueError as error:
            raise EvidenceError(f"the trace holds what JSON cannot: {error}") from error
        return cls(_core.accusation(data, fps, roll._core, issued, licensee, reveal))

    @classmethod
    def load(cls, path: PathLike) -> Accusation:
        """Read a file; nothing of it is believed before `ifrs.check_accusation`.

        Raises:
            EvidenceError: It is too large, or its compression is damaged.
            OSError: It cannot be read.
        """
        return cls(unpacked(path, "accusation"))

    def save(self, path: PathLike) -> None:
        """Write it as JSON, compressed if the name ends in `.gz`. It holds keys in clear.

        Raises:
            FileExistsError: There is a file already: others may have it, and its keys are spent.
            OSError: The file cannot be written.
        """
        if Path(path).exists():
            raise FileExistsError(
                f"{os.fspath(path)} exists already: an accusation is not replaced"
            )
        write_bytes(path, packed(self._file, path))

    def to_json(self) -> dict[str, Any]:
        """The file as plain data; docs/reference/formats.md is its specification."""
        read: dict[str, Any] = json.loads(self._file)
        return read

    @property
    def licensee(self) -> str:
        """Who is accused."""
        return str(self.to_json()["licensee"]["name"])

    @property
    def result(self) -> dict[str, Any]:
        """What it says of itself: `alpha`, `accused`, `log10_p`, `score`, and counts."""
        return dict(self.to_json()["result"])

    @property
    def revealed(self) -> list[int]:
        """The set's keys that it shows in clear, in order: for `Keyring.spend`."""
        read = self.to_json()
        return list(range(read["first"], read["first"] + len(read["positions"])))

    def __repr__(self) -> str:
        result = self.result
        return f"Accusation({self.licensee!r}, log10_p={result['log10_p']:.2f})"
