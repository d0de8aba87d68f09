"""The folder of a sweep: a report for each suspect and set, and the rows that are known."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ifrs._core import FileLock, FingerprintSet
from ifrs.errors import EvidenceError
from ifrs.files import write_json
from ifrs.prove.report import Report
from ifrs.sweep.row import JUDGED, Row
from ifrs.sweep.suspects import Suspect, file_name

FORMAT = "ifrs/sweep/v1"
SETTINGS, ROWS, REPORTS = "sweep.json", "rows.jsonl", "reports"


class Store:
    """Where a sweep keeps what it found; one process at a time has it.

    `rows.jsonl` grows by a line with every finding, so that it costs the same with ten thousand
    rows; what is not whole in its last line is found out anew from the report.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], sets: Sequence[FingerprintSet]
    ) -> None:
        """Open a folder, or make one.

        Raises:
            EvidenceError: A sweep with other settings or other keys was begun there, or another
                process goes on with it.
            OSError: It cannot be written.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(os.path.realpath(folder / SETTINGS))
        try:
            self._agree(dict(settings), {fps.name: _digest(fps) for fps in sets})
            self._rows = _read_rows(folder / ROWS)
            self._log = (folder / ROWS).open("a", encoding="utf-8")
        except BaseException:
            self._lock.release()
            raise
        self._writing = threading.Lock()

    def close(self) -> None:
        """Let others go on with it."""
        with self._writing:
            self._log.close()
        self._lock.release()

    def report_file(self, suspect: Suspect, name: str) -> str:
        """Where a report goes, from the folder."""
        return f"{REPORTS}/{suspect.id}/{file_name(name)}.json"

    def report_path(self, suspect: Suspect, name: str) -> Path:
        """Where a report goes; its folder is there."""
        path = self.folder / self.report_file(suspect, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def row(self, suspect: Suspect, name: str) -> Row | None:
        """What is known; None where nothing is."""
        return self._rows.get((suspect.id, name))

    def done(self, suspect: Suspect, name: str) -> bool:
        """Whether there is a report that nothing is to be added to."""
        row = self.row(suspect, name)
        if row is None or row.verdict not in JUDGED or not row.complete or row.report is None:
            return False
        return (self.folder / row.report).exists()

    def earlier(self, suspect: Suspect, fps: FingerprintSet) -> Report | None:
        """A report that an interruption left, or one whose row was lost.

        Raises:
            EvidenceError: The file is no report, or one under other keys.
        """
        path = self.folder / self.report_file(suspect, fps.name)
        if not path.exists():
            return None
        report = Report.load(path)
        if report.leaves != fps.leaves():
            raise EvidenceError(f"{path} is a report under other keys: move it away")
        return report

    def add(self, row: Row) -> None:
        """Remember a row.

        Raises:
            OSError: It cannot be written.
        """
        with self._writing:
            self._rows[row.id, row.set] = row
            self._log.write(json.dumps(row.to_json(), ensure_ascii=False) + "\n")
            self._log.flush()

    def _agree(self, settings: dict[str, Any], sets: dict[str, str]) -> None:
        path, before = self.folder / SETTINGS, None
        if path.exists():
            before = _read_settings(path)
            for name, value in settings.items():
                if before["settings"].get(name) != value:
                    raise EvidenceError(
                        f"{self.folder} was begun with {name}={before['settings'].get(name)}: pass "
                        "the same, or choose another folder"
                    )
            for name, digest in sets.items():
                if before["sets"].get(name, digest) != digest:
                    raise EvidenceError(
                        f"{self.folder} was begun with other keys in the set {name!r}: choose "
                        "another folder"
                    )
        elif any(self.folder.glob(REPORTS)):
            raise EvidenceError(f"{self.folder} holds reports of something else: choose another")
        known = {**(before or {}).get("sets", {}), **sets}
        if before is None or known != before["sets"]:
            write_json(path, {"format": FORMAT, "settings": settings, "sets": known})


def _digest(fps: FingerprintSet) -> str:
    """Of what a claim would show of a set: it gives nothing away."""
    return hashlib.sha256("\n".join(fps.leaves()).encode()).hexdigest()


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        written = read["format"]
        shaped = isinstance(read["settings"], dict) and isinstance(read["sets"], dict)
    except (ValueError, KeyError, TypeError):
        shaped, written = False, None
    if written not in (None, FORMAT):
        raise EvidenceError(f"{path} is of another version of ifrs: choose another folder")
    if not shaped:
        raise EvidenceError(f"{path} is no sweep of ifrs: choose another folder")
    return read


def _read_rows(path: Path) -> dict[tuple[str, str], Row]:
    found: dict[tuple[str, str], Row] = {}
    if not path.exists():
        return found
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with path.open("ab") as file:  # the next row begins a line
            file.write(b"\n")
    for line in data.splitlines():
        try:
            row = Row.read(json.loads(line))
        except (ValueError, TypeError):
            continue  # cut off by an interruption: found out anew
        found[row.id, row.set] = row
    return found
