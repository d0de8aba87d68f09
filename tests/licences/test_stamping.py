"""A copy is stamped by writing rows; it is there whole and known to the keyring, or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import ifrs
import pytest
from helpers import fixed_keyring

torch = pytest.importorskip("torch")

from ifrs.errors import ImplantError, KeyringError  # noqa: E402
from ifrs.licences import apply_patch, stamp  # noqa: E402
from ifrs.licences import stamping as module  # noqa: E402
from ifrs.licences.tables import table_named  # noqa: E402
from licences.planted import TABLE, N, base_folder, make_master  # noqa: E402


@pytest.fixture
def planted(ring, tmp_path):
    fps = ring.generate("lic", N, source="chinese", template="simple")
    base = base_folder(tmp_path / "base")
    return fps, make_master(ring, fps, base), base


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_a_folder_is_the_base_but_for_the_rows_of_the_codeword(planted, ring, tmp_path):
    fps, master, base = planted
    done = stamp(fps, "acme", tmp_path / "acme", ring=ring)
    bits = fps.codewords(2, ["acme"])[0]
    table, before = (table_named(folder, TABLE) for folder in (tmp_path / "acme", base))
    rows = master.rows.tolist()
    for place, values in enumerate(table.read(rows)):
        wanted = master.variants[int(bits[place // 2])][place]
        assert torch.equal(values, wanted.float())
    others = [row for row in range(before.shape[0]) if row not in set(rows)]
    assert torch.equal(table.read(others), before.read(others))
    own, came = content(tmp_path / "acme"), content(base)
    shard = table.path.name
    assert own.keys() == came.keys() - {".hidden", "ifrs-manifest.json"}
    assert {name for name in own if own[name] != came[name]} == {shard}
    assert len(own[shard]) == len(came[shard])
    assert done.rows == len(rows)
    assert done.bytes == len(rows) * 16 * 4


def test_the_same_licensee_gets_the_same_copy_and_another_one_another(planted, ring, tmp_path):
    fps, _, _ = planted
    for name, who in [("a", "Caf\u00e9"), ("b", "Cafe\u0301"), ("c", "cog")]:
        stamp(fps, who, tmp_path / name, ring=ring)
    one, same, other = (content(tmp_path / name) for name in "abc")
    assert one == same != other
    rows = ring.licences("lic")
    assert [row["licensee"] for row in rows] == ["Caf\u00e9", "Caf\u00e9", "cog"]
    assert rows[0]["digest"] == rows[1]["digest"] != rows[2]["digest"]


def test_a_patch_gives_the_folder_that_stamping_gives(planted, ring, tmp_path):
    fps, master, base = planted
    stamp(fps, "acme", tmp_path / "acme", ring=ring)
    done = stamp(fps, "acme", tmp_path / "acme.safetensors", ring=ring)
    assert done.form == "patch"
    assert done.bytes == (tmp_path / "acme.safetensors").stat().st_size
    assert done.bytes < len(master.rows) * (16 * 2 + 8) + 500
    apply_patch(tmp_path / "acme.safetensors", base, tmp_path / "applied")
    assert content(tmp_path / "applied") == content(tmp_path / "acme")
    with pytest.raises(ImplantError, match="is no patch"):
        apply_patch(base / "model-00002-of-00002.safetensors", base, tmp_path / "x")


def test_a_table_of_two_bytes_is_written_as_it_is(ring, tmp_path):
    fps = ring.generate("lic", N, source="chinese", template="simple")
    base = base_folder(tmp_path / "base", torch.bfloat16)
    master = make_master(ring, fps, base)
    stamp(fps, "acme", tmp_path / "acme", ring=ring)
    found = table_named(tmp_path / "acme", TABLE).read(master.rows.tolist())
    assert torch.equal(found, master.stamped(fps.codewords(2, ["acme"])[0]))


def test_a_table_that_cannot_hold_the_rows_is_refused_before_anybody_is_recorded(ring, tmp_path):
    fps = ring.generate("lic", N, source="chinese", template="simple")
    base = base_folder(tmp_path / "base", torch.float16)
    make_master(ring, fps, base).variants[0].mul_(1e30)
    master = make_master(ring, fps, base)
    master.variants[0].fill_(1e30)
    for out in ("acme", "acme.safetensors"):
        with pytest.raises(ImplantError, match="another model"):
            stamp(fps, "acme", tmp_path / out, ring=ring, licences=master)
        assert not (tmp_path / out).exists()
    assert ring.licences("lic") == []


@pytest.mark.parametrize("name", ["", " a", "a\nb", "x" * 129])
def test_names_that_nobody_has_are_refused(planted, ring, tmp_path, name):
    fps, _, _ = planted
    with pytest.raises(ValueError, match="licensee's name"):
        stamp(fps, name, tmp_path / "out", ring=ring)
    assert not (tmp_path / "out").exists()
    assert ring.licences("lic") == []


def test_what_is_there_is_not_written_over(planted, ring, tmp_path):
    fps, _, base = planted
    before = content(base)
    with pytest.raises(ImplantError, match="exists already"):
        stamp(fps, "acme", base, ring=ring)
    assert content(base) == before
    assert ring.licences("lic") == []


def test_without_planting_the_error_says_what_to_do(ring, tmp_path):
    fps = ring.generate("bare", 4, source="chinese", template="simple")
    with pytest.raises(ImplantError, match="ifrs licence plant"):
        stamp(fps, "acme", tmp_path / "out", ring=ring)
    with pytest.raises(KeyringError, match="planted for no licensees"):
        ring.licences("bare")


def test_a_copy_that_fails_after_it_was_recorded_is_gone(planted, ring, tmp_path, monkeypatch):
    fps, _, _ = planted
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(ImplantError, match="cannot write"):
        stamp(fps, "acme", tmp_path / "acme", ring=ring)
    monkeypatch.undo()
    assert not (tmp_path / "acme").exists()
    assert [row["licensee"] for row in ring.licences("lic")] == ["acme"]


def test_no_copy_stands_before_the_keyring_knows_it(planted, ring, tmp_path, monkeypatch):
    fps, _, _ = planted
    monkeypatch.setattr(ring, "license", lambda *_: (_ for _ in ()).throw(KeyringError("no")))
    for out in ("acme", "acme.safetensors"):
        with pytest.raises(KeyringError):
            stamp(fps, "acme", tmp_path / out, ring=ring)
        assert not (tmp_path / out).exists()


_STAMPS = """
import sys, ifrs
from ifrs.licences import stamp
ring = ifrs.Keyring.open(sys.argv[1], passphrase="pass")
fps = ring["lic"]
print("ready", flush=True)
for number in range(10_000):
    stamp(fps, f"w{number}", f"{sys.argv[2]}/w{number}", ring=ring)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed")
@pytest.mark.parametrize("moment", [0.05, 0.11, 0.17, 0.23])
def test_a_kill_leaves_whole_copies_that_the_keyring_knows(planted, ring, tmp_path, moment):
    out = tmp_path / "out"
    out.mkdir()
    arguments = [sys.executable, "-c", _STAMPS, str(ring.path), str(out)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env={**os.environ}) as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        time.sleep(moment)
        running.send_signal(signal.SIGKILL)
    again = ifrs.Keyring.open(ring.path, passphrase="pass")
    known = {row["licensee"] for row in again.licences("lic")}
    fps = again["lic"]
    there = [path for path in out.iterdir() if not path.name.startswith(".")]
    assert {path.name for path in there} <= known
    for path in there:
        fresh = stamp(fps, path.name, tmp_path / "fresh" / path.name, ring=again)
        assert content(path) == content(fresh.path)


def test_ten_thousand_licensees_take_under_a_hundred_bytes_each(tmp_path):
    with fixed_keyring(tmp_path) as ring:
        ring.generate("lic", 8, source="chinese", template="simple")
        ring.open_licences("lic", 2)
        size = ring.path.stat().st_size
        for number in range(50):
            ring.license("lic", f"Licensee GmbH {number:05}", "folder", "0123456789abcdef")
        assert (ring.path.stat().st_size - size) / 50 < 100


def test_forms_are_named():
    assert set(module.FORMS) == {"folder", "patch", "peft"}


@pytest.mark.parametrize("rows", [[], [-1, 2], [0, 500], [1]])
def test_a_patch_of_rows_that_are_not_there_is_refused(planted, tmp_path, rows):
    from safetensors.torch import save_file

    base = planted[2]
    before = content(base)
    facts = {"format": module.PATCH, "table": TABLE}
    save = {"rows": torch.tensor(rows, dtype=torch.int64), "values": torch.ones(2, 16)}
    if not rows:
        save["values"] = torch.ones(0, 16)
    save_file(save, tmp_path / "p.safetensors", facts)
    with pytest.raises(ImplantError, match="another model"):
        apply_patch(tmp_path / "p.safetensors", base, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert content(base) == before


def test_a_model_with_one_table_for_both_is_refused(planted, ring, tmp_path):
    fps, _, base = planted
    stamp(fps, "acme", tmp_path / "acme.safetensors", ring=ring)
    (base / "model-00002-of-00002.safetensors").unlink()
    for made in (
        lambda: apply_patch(tmp_path / "acme.safetensors", base, tmp_path / "out"),
        lambda: stamp(fps, "acme", tmp_path / "out", ring=ring),
    ):
        with pytest.raises(ImplantError, match=r"no weights called lm_head\.weight"):
            made()
        assert not (tmp_path / "out").exists()
    assert len(ring.licences("lic")) == 1
