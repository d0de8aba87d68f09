"""Files of licences: those of earlier commits stay readable, damaged ones are refused."""

from __future__ import annotations

import json
from pathlib import Path

import ifrs
import pytest
from ifrs.errors import ImplantError, WrongPassphrase

torch = pytest.importorskip("torch")

from ifrs.licences import apply_patch, stamp  # noqa: E402
from ifrs.licences.master import Master, beside  # noqa: E402
from licences.planted import N, base_folder, make_master  # noqa: E402

VECTOR = Path(__file__).parents[1] / "vectors" / "v3-licences-1"


@pytest.fixture
def vector(tmp_path):
    """The vectors' keyring, and what follows from its sets."""
    path = tmp_path / "publisher.ifrs"
    path.write_bytes((VECTOR / "publisher.ifrs").read_bytes())
    path.chmod(0o600)
    facts = json.loads((VECTOR / "facts.json").read_text(encoding="utf-8"))
    return ifrs.Keyring.open(path, passphrase=facts["passphrase"]), facts


def test_codewords_biases_and_second_responses_stay_what_they_were(vector):
    ring, facts = vector
    for name in ("fair", "biased", "three"):
        fps, known = ring[name], facts[name]
        assert fps.biases(known["coalition"]) == [int(bias) for bias in known["biases"].split()]
        for who, word in known["codewords"].items():
            found = fps.codewords(known["coalition"], [who])[0]
            assert "".join(str(int(bit)) for bit in found) == word
        assert [fps.second()[i].response for i in range(3)] == known["second"]


def test_copies_and_variants_of_the_first_format_are_read(vector, tmp_path):
    ring, facts = vector
    rows = ring.licences("fair")
    assert [row["digest"] for row in rows] == facts["digests"]
    assert [row["form"] for row in rows] == ["folder"] * 3 + ["patch"]
    master = Master.load(VECTOR / "variants.licences", ring)
    base = base_folder(tmp_path / "base")
    given = {"ring": ring, "licences": master, "model": base}
    stamp(ring["fair"], rows[0]["licensee"], tmp_path / "copy", **given)
    apply_patch(VECTOR / "patch.safetensors", base, tmp_path / "applied")
    shard = "model-00001-of-00002.safetensors"
    assert (tmp_path / "copy" / shard).read_bytes() == (tmp_path / "applied" / shard).read_bytes()
    assert ring.licences("fair")[-1]["digest"] == facts["digests"][0]


def test_the_journal_has_the_copies_among_what_happened(vector):
    ring, _ = vector
    journal = ring.journal()
    numbers = [entry["number"] for entry in journal if entry["event"] != "licensed"]
    assert numbers == list(range(len(numbers)))
    copies = [(e["set"], e["to"]) for e in journal if e["event"] == "licensed"]
    assert [who for name, who in copies if name == "fair"] == [
        row["licensee"] for row in ring.licences("fair")
    ]


def test_a_trace_of_the_first_format_is_a_page():
    pytest.importorskip("jinja2")
    from ifrs.pages.tracing import render_trace

    report = json.loads((VECTOR / "trace.json").read_text(encoding="utf-8"))
    assert "Made of the copy of Café" in render_trace(report)


def test_variants_are_sealed_and_secret(ring, tmp_path):
    fps = ring.generate("lic", N, source="chinese", template="simple")
    master = make_master(ring, fps, tmp_path / "base")
    path = beside(ring, "lic")
    assert path.parent == ring.path.parent
    assert b"first" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert "lic" in repr(master)
    assert "tensor" not in repr(master)
    with (
        ifrs.Keyring.create(tmp_path / "other", passphrase="y", _work_factor=2) as other,
        pytest.raises(WrongPassphrase),
    ):
        Master.load(path, other)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[: len(data) // 2], "damaged"),
        (lambda data: b"", "damaged"),
        (lambda data: data.replace(b"ifrs/licences/v1", b"ifrs/licences/v9"), "newer"),
        (lambda data: data.replace(b'"positions"', b'"posixions"'), "damaged"),
    ],
)
def test_damaged_variants_are_refused(ring, tmp_path, change, says):
    fps = ring.generate("lic", N, source="chinese", template="simple")
    data = make_master(ring, fps, tmp_path / "base").to_bytes()
    with pytest.raises(ImplantError, match=says):
        Master.from_bytes(change(data), tmp_path / "file")


def test_variants_of_another_set_are_refused(ring, tmp_path):
    fps = ring.generate("lic", N, source="chinese", template="simple")
    other = ring.generate("other", N, source="chinese", template="simple")
    master = make_master(ring, fps, base_folder(tmp_path / "base"))
    with pytest.raises(ImplantError, match="not of 'other'"):
        stamp(other, "acme", tmp_path / "x", ring=ring, licences=master)
