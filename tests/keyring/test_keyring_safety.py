"""Never lose a key, never show one: kills, many writers, damage, old copies, memory."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import random
import subprocess
import sys
import time
import traceback
from pathlib import Path

import ifrs
import pytest
from helpers import FAST, secrets_of
from ifrs.cli import main
from test_keyring_access import age_key, needs_age, run

APPENDER = """
import ifrs, sys
path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ring = ifrs.Keyring.open(path, passphrase="pass")
print("ready", flush=True)
sys.stdin.readline()
for i in range(first, first + count):
    ring.generate(f"s{i}", 20)
    print(i, flush=True)
"""


def appender(path: Path, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", APPENDER, str(path), str(first), str(count)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)


def start(writer: subprocess.Popen[str]) -> None:
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("\n")
    writer.stdin.flush()


def test_twenty_processes_appending_lose_nothing(ring):
    writers = [appender(ring.path, 10 * i, 3) for i in range(20)]
    for writer in writers:
        start(writer)
    for writer in writers:
        writer.stdin.close()
        assert writer.wait(120) == 0
    names = set(ring_names(ring.path))
    assert names == {f"s{10 * i + k}" for i in range(20) for k in range(3)}
    journal = ifrs.Keyring.open(ring.path, passphrase="pass").journal()
    assert [entry["number"] for entry in journal] == list(range(61))
    ring.generate("last", 1)
    assert len(ring) == 61


def ring_names(path: Path) -> list[str]:
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        return list(ring)


@pytest.mark.parametrize("kills", [25, pytest.param(475, marks=pytest.mark.slow)])
def test_a_killed_writer_leaves_a_whole_keyring(ring, kills):
    """Every set that was acknowledged is there, whenever the writer died."""
    chance = random.Random(kills)
    acknowledged: set[str] = set()
    next_set = 0
    for kill in range(kills):
        writer = appender(ring.path, next_set, 1000)
        start(writer)
        # On a busy machine none gets far within the time: every fifth is let go on until it does.
        first = writer.stdout.readline() if kill % 5 == 0 else ""
        time.sleep(chance.uniform(0, 0.04))
        writer.kill()
        said = first + writer.communicate()[0]
        acknowledged |= {f"s{line}" for line in said.split()}
        names = ring_names(ring.path)
        assert acknowledged <= set(names)
        next_set = 1 + max((int(name[1:]) for name in names), default=-1)
        if len(names) > 150:
            with ifrs.Keyring.open(ring.path, passphrase="pass") as opened:
                for name in names[:-1]:
                    opened.remove(name)
            acknowledged &= {names[-1]}
    assert acknowledged
    files = {path.name.removeprefix(ring.path.name) for path in ring.path.parent.iterdir()}
    assert files <= {"", ".bak", ".lock", ".new", ".bak.new"}


def test_a_writer_that_waits_in_vain_names_the_holder(ring):
    code = "import fcntl, os, sys\nf = open(sys.argv[1], 'r+')\n"
    code += "fcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.readline()"
    ring.generate("one", 1)
    lock = ring.path.with_name(ring.path.name + ".lock")
    command = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with ifrs.Keyring.open(ring.path, passphrase="pass", lock_timeout=0.05) as waiting:
            with pytest.raises(ifrs.KeyringLocked, match=r"written by process .* on .* since"):
                waiting.generate("two", 1)
            assert list(waiting) == ["one"]  # reading needs no lock
        holder.kill()
    ring.generate("two", 1)  # the system released the dead process's lock


def test_every_byte_flipped_and_every_truncation(ring, state):
    whole = ring.path.read_bytes()
    ring.close()
    damaged = [whole[:length] for length in range(len(whole))]
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        damaged.append(bytes(flipped))
    for content in damaged:
        ring.path.write_bytes(content)
        with pytest.raises((ifrs.KeyringCorrupt, ifrs.WrongPassphrase)):
            ifrs.Keyring.open(ring.path, passphrase="pass")
    ring.path.write_bytes(whole)
    ifrs.Keyring.open(ring.path, passphrase="pass")


@needs_age
def test_every_byte_flipped_of_a_keyring_for_recipients(tmp_path):
    key, path = tmp_path / "key", tmp_path / "k"
    ifrs.Keyring.create(path, recipients=[age_key(key)]).close()
    whole = path.read_bytes()
    for place in range(len(whole)):
        flipped = whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]
        for content in (whole[:place], flipped):
            path.write_bytes(content)
            with pytest.raises((ifrs.KeyringCorrupt, ifrs.WrongPassphrase)):
                ifrs.Keyring.open(path, identity=key)


def test_an_older_copy_is_noticed_and_can_be_accepted(ring, state, monkeypatch, capfd):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    old = ring.path.read_bytes()
    ring.generate("one", 1)
    ring.path.write_bytes(old)
    with pytest.raises(ifrs.KeyringError, match="older copy"):
        ifrs.Keyring.open(ring.path, passphrase="pass")
    with pytest.raises(ifrs.KeyringError, match="older copy"):
        ring.generate("two", 1)
    assert main(["keyring", "list", str(ring.path)]) == 2
    assert "--accept-older" in capfd.readouterr().err
    assert main(["keyring", "list", str(ring.path), "--accept-older"]) == 0
    assert ring_names(ring.path) == []
    # With nothing remembered there is nothing to compare with.
    for file in (state / "keyrings").iterdir():
        file.unlink()
    assert ring_names(ring.path) == []


@pytest.mark.parametrize("damage", ["", "{", '{"format": "ifrs/state/v9"}', "x" * 9000])
def test_a_damaged_memory_is_said(ring, state, monkeypatch, capfd, damage):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    ring.generate("one", 1)
    [file] = (state / "keyrings").iterdir()
    file.write_text(damage)
    with pytest.raises(ifrs.KeyringError, match="newest copy cannot be told") as caught:
        ifrs.Keyring.open(ring.path, passphrase="pass")
    assert str(file) in str(caught.value)
    assert main(["keyring", "list", str(ring.path)]) == 2
    assert "--accept-older" in capfd.readouterr().err
    assert main(["keyring", "list", str(ring.path), "--accept-older"]) == 0
    assert ring_names(ring.path) == ["one"]


def test_another_history_of_the_same_length_is_noticed(ring):
    before = ring.path.read_bytes()
    ring.generate("one", 1)
    seen = ring.path.read_bytes()
    ring.path.write_bytes(before)
    with ifrs.Keyring.open(ring.path, passphrase="pass", accept_older=True) as other:
        other.generate("two", 1)
    ring.path.write_bytes(seen)
    with pytest.raises(ifrs.KeyringError, match="another history"):
        ring_names(ring.path)


def test_a_state_folder_that_cannot_be_written_is_no_obstacle(ring, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IFRS_STATE_DIR", str(tmp_path / "file"))
    ring.generate("one", 1)
    assert ring_names(ring.path) == ["one"]


@needs_age
def test_an_altered_journal_is_damage(tmp_path, ring):
    key = tmp_path / "key"
    recipient = age_key(key)
    ring.generate("one", 3)
    ring.spend("one", [0], "here", "revealed")
    ring.rekey(recipients=[recipient])
    payload = json.loads(run("age", "-d", "-i", key, ring.path))
    changed = [copy.deepcopy(payload["journal"]) for _ in range(4)]
    changed[0][2]["indices"] = [1]
    changed[1].pop(1)
    changed[2][1], changed[2][2] = changed[2][2], changed[2][1]
    changed[3][2]["more"] = 1
    for journal in changed:
        text = json.dumps({**payload, "journal": journal}).encode()
        ring.path.write_bytes(run("age", "-r", recipient, input=text))
        with pytest.raises(ifrs.KeyringCorrupt) as caught:
            ifrs.Keyring.open(ring.path, identity=key)
        assert payload["seed"] not in str(caught.value)


def test_a_claim_of_a_set_without_a_fresh_key_is_warned_of(ring, recwarn):
    ring.generate("one", 2)
    ring.spend("one", [0], "the court", "revealed")
    ring.claim("one", subject={"weights": "00" * 32})
    assert [str(one.message) for one in recwarn if "spent" in str(one.message)] == []
    ring.spend("one", [1], "the court", "revealed")
    with pytest.warns(ifrs.KeyringWarning, match="every key of 'one' is spent.*generate a new set"):
        ring.claim("one", subject={"weights": "00" * 32})


def test_the_journal_and_spent_keys(ring):
    ring.generate("one", 5)
    ring.spend("one", [4, 1], "https://me:secret@host/v1?key=secret")
    ring.spend("one", [1, 2], "the court", "revealed")
    ring.spend("one", [0], "a release", "claimed")
    assert ring.spent("one") == [1, 2, 4]
    rows = ring.journal()
    events = ["created", "generated", "queried", "revealed", "claimed"]
    assert [row["event"] for row in rows] == events
    assert (rows[2]["indices"], rows[2]["to"]) == ([4, 1], ["https://host/v1"])
    for arguments, error in (
        (("none", [0]), KeyError),
        (("one", [5]), IndexError),
        (("one", [-1]), OverflowError),
        (("one", [0], "x", "sold"), ValueError),
    ):
        with pytest.raises(error):
            ring.spend(*arguments)
    assert len(ifrs.Keyring.open(ring.path, passphrase="pass").journal()) == 5


@needs_age
def test_no_secret_is_shown_anywhere(tmp_path, ring, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    key = tmp_path / "key"
    recipient = age_key(key)
    fps = ring.generate("one", 3)
    shown = [repr(ring), str(ring), repr(fps), str(fps), repr(fps[0]), repr(ring.sets())]
    errors = []
    for thing in (ring, fps, fps[0], ring._core):
        for action in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError) as caught:
                action(thing)
            errors.append(caught.value)
    for action in (
        lambda: ring.generate("one", 3),
        lambda: ring["none"],
        lambda: ring.spend("one", [9], "x"),
        lambda: ring.rekey(passphrase="pass"),
        lambda: ifrs.Keyring.open(ring.path, passphrase="swordfish"),
    ):
        with pytest.raises((ifrs.IfrsError, LookupError, ValueError)) as caught:
            action()
        errors.append(caught.value)
    ring.rekey(recipients=[recipient])
    shown += ["".join(traceback.format_exception(error)) for error in errors]
    shown += [repr(ring.journal()), repr(ring.recipients), caplog.text, *capfd.readouterr()]
    payload = json.loads(run("age", "-d", "-i", key, ring.path))
    secrets = [*secrets_of(fps), payload["seed"], "swordfish"]
    # pytest prints the test's own line; the passphrase there is not the library's doing.
    text = "".join(shown).replace('passphrase="swordfish"', "")
    assert not [secret for secret in secrets if secret in text]


HOLDER = """
import gc, ifrs, sys
path, key = sys.argv[1:]
ring = ifrs.Keyring.open(path, identity=key)
for name in list(ring):
    fps = ring[name]
    len(fps)
    del fps
ring.generate("more", 5)
if sys.stdin.readline() == "close\\n":
    ring.close()
    gc.collect()
print("ready", flush=True)
sys.stdin.readline()
"""


@needs_age
@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")
def test_the_process_keeps_no_secret_after_close(tmp_path, ring):
    key = tmp_path / "key"
    recipient = age_key(key)
    made = secrets_of(ring.generate("one", 30))
    ring.rekey(recipients=[recipient])
    seed = json.loads(run("age", "-d", "-i", key, ring.path))["seed"]
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLDER, str(ring.path), str(key)]
    found = {}
    for act in ("hold", "close"):
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
            process.stdin.write(f"{act}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n"
            memory = memory_of(process.pid)
            process.kill()
        with ifrs.Keyring.open(ring.path, identity=key) as opened:
            more = secrets_of(opened["more"])
            opened.remove("more")
        # Two words of the public list can be anywhere by themselves; together they are secret.
        secrets = [text.encode() for text in [*made, *more]]
        secrets += [bytes.fromhex(seed), seed.encode(), key.read_bytes().split()[-1]]
        found[act] = [secret for secret in secrets if secret in memory]
    assert len(found["hold"]) > 60  # the scan sees what is there
    assert found["close"] == []


def memory_of(process: int) -> bytes:
    """Everything that the process could write to a core file."""
    chunks = []
    with open(f"/proc/{process}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(place, 16) for place in span.split("-"))
            try:
                memory.seek(start)
                chunks.append(memory.read(end - start))
            except OSError:
                continue
    return b"\0".join(chunks)


def test_locked_pages_are_left_out_of_core_dumps(tmp_path):
    smaps = Path("/proc/self/smaps")
    if not smaps.exists():
        pytest.skip("needs Linux's /proc")

    def count() -> int:
        lines = smaps.read_text().splitlines()
        return sum("dd" in line.split() for line in lines if line.startswith("VmFlags"))

    before = count()
    ring = ifrs.Keyring.create(tmp_path / "k", passphrase="x", _work_factor=FAST)
    assert count() > before
    ring.close()
    assert count() == before
