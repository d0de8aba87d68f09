"""The folder of a sweep: what an interruption may leave, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import fixed_keyring
from ifrs.errors import EvidenceError
from ifrs.sweep.row import Row
from ifrs.sweep.store import ROWS, SETTINGS, Store
from ifrs.sweep.suspects import Suspect, local_identity, server_identity
from ifrs.sweep.table import table

VECTOR = Path(__file__).parents[1] / "vectors" / "v3-sweep-1"
SUSPECT = Suspect(1, "a/b", "a/b", served=False, make=lambda: None)


def row(name, verdict="no match", **changes):
    return Row("a/b", name, verdict, SUSPECT.id, **changes)


@pytest.fixture
def fps(ring):
    return ring.generate("one", 2)


def test_a_line_that_was_cut_off_is_no_row(tmp_path, fps):
    store = Store(tmp_path / "out", {}, [fps])
    store.add(row("one", note="first"))
    store.add(row("two"))
    store.close()
    log = tmp_path / "out" / ROWS
    log.write_bytes(log.read_bytes()[:-9])
    again = Store(tmp_path / "out", {}, [fps])
    assert again.row(SUSPECT, "one").note == "first"
    assert again.row(SUSPECT, "two") is None
    again.add(row("two", note="anew"))
    again.close()
    last = Store(tmp_path / "out", {}, [fps])
    assert last.row(SUSPECT, "two").note == "anew"
    last.close()


def test_what_is_done(tmp_path, fps):
    store = Store(tmp_path / "out", {}, [fps])
    file = store.report_file(SUSPECT, "one")
    for changes in (
        {"verdict": "error"},
        {"report": file},  # which is not there
        {"report": file, "complete": False},
    ):
        store.add(row("one", **changes))
        assert not store.done(SUSPECT, "one")
    store.report_path(SUSPECT, "one").write_text("{}")
    store.add(row("one", report=file))
    assert store.done(SUSPECT, "one")
    store.close()


def test_one_process_at_a_time(tmp_path, fps):
    store = Store(tmp_path / "out", {}, [fps])
    with pytest.raises(EvidenceError, match="is being written by process"):
        Store(tmp_path / "out", {}, [fps])
    store.close()
    Store(tmp_path / "out", {}, [fps]).close()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no sweep"),
        ("[]", "is no sweep"),
        ('{"format": "ifrs/sweep/v9", "settings": {}, "sets": {}}', "another version"),
        ('{"format": "ifrs/sweep/v1", "settings": {"alpha": 1}, "sets": {}}', "alpha=1"),
        (
            '{"format": "ifrs/sweep/v1", "settings": {"alpha": 2}, "sets": {"one": ""}}',
            "other keys",
        ),
    ],
)
def test_folders_of_something_else_are_refused(tmp_path, fps, content, says):
    (tmp_path / SETTINGS).write_text(content)
    with pytest.raises(EvidenceError, match=says):
        Store(tmp_path, {"alpha": 2}, [fps])
    # And let go.
    (tmp_path / SETTINGS).unlink()
    Store(tmp_path, {"alpha": 2}, [fps]).close()


def known(row):
    """The suspect of a row, found again from the list."""
    name, _, address = row["suspect"].partition(" at ")
    identity = server_identity(address, name) if address else local_identity(name)
    return Suspect(1, row["suspect"], identity, served=bool(address), make=lambda: None)


def test_a_folder_of_the_first_format_is_gone_on_with(tmp_path):
    out = shutil.copytree(VECTOR, tmp_path / "out")
    made = json.loads((VECTOR / "table.json").read_text())
    suspects = [known(row) for row in made["rows"]]
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 12)
        store = Store(out, made["settings"], [fps])
        rows = [store.row(suspect, "one") for suspect in suspects]
        assert [row.verdict for row in rows] == ["match", "no match", "error"]
        assert [store.done(suspect, "one") for suspect in suspects] == [True, True, False]
        assert store.earlier(suspects[0], fps).verdict == "match"
        assert table(rows, made["settings"])["rows"] == made["rows"]
        store.close()
        with pytest.raises(EvidenceError, match="other keys"):
            Store(out, made["settings"], [Other("one", ring.generate("two", 12))])


class Other:
    """Other keys under the same name."""

    def __init__(self, name, fps):
        self.name, self.leaves = name, fps.leaves
