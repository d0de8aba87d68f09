"""Files of every scheme, good and bad: what a reader must say of each (tests/vectors/README.md)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import ifrs
import pytest
from helpers import FAST
from vectors import facts

FOLDER = Path(__file__).parent / "vectors"
WORDS = json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))
INDEXES = sorted(FOLDER.glob("v*/index.json"))


def entries() -> list[Any]:
    found = []
    for path in INDEXES:
        for number, entry in enumerate(json.loads(path.read_text(encoding="utf-8"))["vectors"]):
            name = f"{path.parent.name}-{number}-{entry['file']}"
            found.append(pytest.param(path.parent, entry, id=name))
    return found


def same(found: Any, expected: Any, where: str = "") -> None:
    """What was expected is there: numbers within 1e-9, and of objects the names that it has."""
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        for name, value in expected.items():
            assert name in found, f"{where}.{name}"
            same(found[name], value, f"{where}.{name}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), where
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            same(one, other, f"{where}[{place}]")
    elif isinstance(expected, float):
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9), where
    else:
        assert found == expected, where


def placed(folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Credentials and options, with the files among them in their folder."""
    found = dict(given)
    for name in ("identity", "model"):
        if name in found:
            found[name] = folder / found[name]
    for name in ("identities", "tsa_roots"):
        if name in found:
            found[name] = [folder / file for file in found[name]]
    return found


class Reader:
    """Reads one vector through the public interface, and says what it found as plain data."""

    def __init__(self, folder: Path, entry: dict[str, Any], scratch: Path) -> None:
        self.folder, self.entry, self.scratch = folder, entry, scratch
        self.path = folder / entry["file"]
        self.how = placed(folder, entry.get("open", {}))
        self.options = placed(folder, entry.get("options", {}))

    def opened(self, path: Path, **how: Any) -> ifrs.Keyring:
        """A copy, so that nothing is written beside the vector."""
        copy = self.scratch / path.name
        copy.write_bytes(path.read_bytes())
        return ifrs.Keyring.open(copy, **how)

    def keyring(self) -> dict[str, Any]:
        with self.opened(self.path, **self.how) as ring:
            found = facts.keyring_facts(ring)
            for row in found["sets"]:
                row["claims"] = facts.claimable(ring, row["name"])
        return found

    def sealed_set(self) -> dict[str, Any]:
        path = self.scratch / "theirs.ifrs"
        with ifrs.Keyring.create(path, passphrase="x", _work_factor=FAST) as ring:
            fps = ring.import_set(self.path, **self.how)
            return {"set": facts.set_facts(ring, fps.name)}

    def shares(self) -> dict[str, Any]:
        files = [self.folder / file for file in self.entry["shares"]]
        path = self.scratch / "restored.ifrs"
        made = {"passphrase": "x", "_work_factor": FAST}
        with ifrs.Keyring.combine(files, path, **self.how, **made) as ring:
            found = facts.keyring_facts(ring)
            for row in found["sets"]:
                row["claims"] = facts.claimable(ring, row["name"])
        return found

    def claim(self) -> dict[str, Any]:
        claim = ifrs.Claim.load(self.path)
        claim.verify(self.options.get("publisher_key"))
        claim.save(self.scratch / "again.json")
        assert ifrs.Claim.load(self.scratch / "again.json") == claim
        found = facts.claim_facts(claim)
        if self.entry.get("tsa_roots"):
            pytest.importorskip("rfc3161_client")
        roots = [self.folder / root for root in self.entry.get("tsa_roots", [])]
        return {**found, "stamp": claim.stamped(roots)}

    def report(self) -> dict[str, Any]:
        report = ifrs.Report.load(self.path)
        report.save(self.scratch / "again.json")
        written = json.loads(self.path.read_text(encoding="utf-8"))
        # Another version of ifrs may write the same in a format of its own.
        content = {k: v for k, v in written.items() if k not in ("format", "ifrs_version")}
        same(json.loads((self.scratch / "again.json").read_text(encoding="utf-8")), content)
        return facts.report_facts(report)

    def bundle(self) -> dict[str, Any]:
        if self.options.get("tsa_roots"):
            pytest.importorskip("rfc3161_client")
        options = dict(self.options)
        if "alpha" in self.entry:
            options["alpha"] = self.entry["alpha"]
        result = ifrs.check(self.path, self.folder / self.entry["claim"], **options)
        if not result.ok:
            raise Refused(result.problems)
        for kind in self.entry["expect"].get("notes", []):
            assert says("notes", kind, result.notes), (kind, result.notes)
        return facts.check_facts(result)

    def adapter(self) -> dict[str, Any]:
        pytest.importorskip("safetensors.torch")
        from ifrs.modalities.text.joining import read_adapter

        if not self.how:
            return facts.adapter_facts(read_adapter(self.path))
        credential = {k: v for k, v in self.how.items() if k != "keyring"}
        with self.opened(self.folder / self.how["keyring"], **credential) as ring:
            return facts.adapter_facts(read_adapter(self.path, ring))

    def audit_record(self) -> dict[str, Any]:
        from ifrs.audit.record import Record

        tree = json.loads(self.path.read_text(encoding="utf-8"))
        record = Record.from_json(tree)
        assert record.to_json() == tree
        values = [measure.value for measure in record.measures]
        return {"name": record.name, "digest": record.digest, "metrics": values}

    def manifest(self) -> dict[str, Any]:
        return {"content": json.loads(self.path.read_text(encoding="utf-8"))}

    def keys(self) -> dict[str, Any]:
        """Digests of the look-alikes of sets, which are drawn from a public seed."""
        path = self.scratch / "any.ifrs"
        with ifrs.Keyring.create(path, passphrase="x", _work_factor=FAST) as ring:
            looks = json.loads(self.path.read_text(encoding="utf-8"))
            sets = {name: ring.generate(name, 1, **options) for name, options in looks.items()}
            return {"digests": {name: facts.digests(fps) for name, fps in sets.items()}}

    def state(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """The keyring that it remembers opens beside it; one of an earlier generation does not."""
        content = json.loads(self.path.read_text(encoding="utf-8"))
        place = self.scratch / "state" / "keyrings" / self.path.name
        place.parent.mkdir(parents=True)
        monkeypatch.setenv("IFRS_STATE_DIR", str(place.parents[1]))
        ring = self.folder / self.entry["keyring"]
        place.write_text(json.dumps(content))
        with self.opened(ring, **self.how) as opened:
            assert opened.generation == content["generation"]
        place.write_text(json.dumps({**content, "generation": content["generation"] + 1}))
        with pytest.raises(ifrs.KeyringError, match="older"):
            self.opened(ring, **self.how)
        return {"content": content}


def says(what: str, kind: str, said: list[str]) -> bool:
    """Whether one of a kind's phrases is in one of these sentences."""
    phrases = WORDS[what][kind]["phrase"]
    phrases = [phrases] if isinstance(phrases, str) else phrases
    return any(phrase in sentence for phrase in phrases for sentence in said)


class Refused(Exception):
    """What a checker found wrong."""


@pytest.mark.parametrize(("folder", "entry"), entries())
def test_vector(folder, entry, tmp_path, monkeypatch):
    reader, expect = Reader(folder, entry, tmp_path), entry["expect"]
    read = getattr(reader, entry["kind"].replace(" ", "_"))
    given = [monkeypatch] if entry["kind"] == "state" else []
    if expect["ok"]:
        found = read(*given)
        unsaid = ("notes",) if entry["kind"] == "bundle" else ()
        same({"ok": True, **found}, {k: v for k, v in expect.items() if k not in unsaid})
        return
    with pytest.raises((ifrs.IfrsError, Refused, ValueError)) as caught:
        read(*given)
    said = caught.value.args[0] if isinstance(caught.value, Refused) else [str(caught.value)]
    for kind in expect["problems"]:
        assert says("problems", kind, said), (kind, said)


@pytest.mark.parametrize("path", INDEXES, ids=lambda path: path.parent.name)
def test_every_file_is_in_the_index_or_belongs_to_one_that_is(path):
    text = path.read_text(encoding="utf-8")
    files = [file for file in path.parent.rglob("*") if file.is_file() and file != path]
    names = [file.relative_to(path.parent).as_posix() for file in files]
    unnamed = [n for n in names if f'"{n}"' not in text and "released/" not in n]
    assert unnamed == []
    for entry in json.loads(text)["vectors"]:
        assert (path.parent / entry["file"]).is_file()


def test_there_is_something_good_and_bad_of_every_kind():
    kinds = {True: set(), False: set()}
    for path in INDEXES:
        for entry in json.loads(path.read_text(encoding="utf-8"))["vectors"]:
            kinds[entry["expect"]["ok"]].add(entry["kind"])
    # Nothing of ours reads manifests, what the state folder holds is only compared, keys are made.
    assert kinds[True] - kinds[False] == {"manifest", "state", "keys"}
    assert kinds[False] <= kinds[True]


def test_every_word_is_used():
    used = {"problems": set(), "notes": set()}
    for path in INDEXES:
        for entry in json.loads(path.read_text(encoding="utf-8"))["vectors"]:
            used["problems"] |= set(entry["expect"].get("problems", []))
            if entry["kind"] == "bundle":
                used["notes"] |= set(entry["expect"].get("notes", []))
    assert used == {what: set(words) for what, words in WORDS.items()}
