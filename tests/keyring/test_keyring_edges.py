"""Files that others prepared, spellings, threads, forks, and rekeying cut off."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
import unicodedata
import warnings
from pathlib import Path

import ifrs
import pytest
from helpers import FAST
from ifrs import _core
from test_keyring_access import age_key, needs_age, needs_ssh, run, ssh_key
from test_keyring_safety import memory_of, start

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


def reopen(path: Path, passphrase: str = "pass") -> ifrs.Keyring:
    return ifrs.Keyring.open(path, passphrase=passphrase)


def beside(ring: ifrs.Keyring, ending: str) -> Path:
    return ring.path.with_name(ring.path.name + ending)


@posix
@pytest.mark.parametrize("ending", [".lock", ".new", ".bak", ".bak.new"])
def test_a_link_beside_a_keyring_is_not_followed(tmp_path, ring, ending):
    theirs = tmp_path / "theirs"
    theirs.write_text("precious")
    beside(ring, ending).unlink(missing_ok=True)
    beside(ring, ending).symlink_to(theirs)
    if ending == ".lock":
        with pytest.raises(ifrs.KeyringError, match="is a link"):
            ring.generate("one", 1)
    else:
        ring.generate("one", 1)
        assert list(reopen(ring.path)) == ["one"]
    assert theirs.read_text() == "precious"


@posix
@pytest.mark.parametrize("ending", [".lock", "", ".bak"])
def test_a_pipe_is_not_waited_for(ring, ending):
    place = beside(ring, ending)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    for act in (
        lambda: ring.generate("one", 1),
        lambda: ring.rekey(passphrase="new", _work_factor=FAST),
    ):
        try:
            act()
        except ifrs.KeyringError as error:
            assert "ordinary file" in str(error)  # noqa: PT017
            assert ending != ".bak"
    if not ending:
        with pytest.raises(ifrs.KeyringError, match="ordinary file"):
            reopen(ring.path)


@posix
def test_a_hard_linked_lock_is_not_written_to(tmp_path, ring):
    theirs = tmp_path / "theirs"
    theirs.write_text("precious")
    beside(ring, ".lock").unlink(missing_ok=True)
    os.link(theirs, beside(ring, ".lock"))
    ring.generate("one", 1)
    assert theirs.read_text() == "precious"


@posix
def test_a_linked_keyring_stays_where_it_is(tmp_path, ring, monkeypatch):
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "mine"
    link.symlink_to(ring.path)
    monkeypatch.chdir(link.parent)
    with reopen(Path("mine")) as opened:
        monkeypatch.chdir(tmp_path)  # nor does a relative path follow the working folder
        opened.generate("one", 1)
        opened.rekey(passphrase="new", _work_factor=FAST)
    assert link.is_symlink()
    assert [path.name for path in link.parent.iterdir()] == ["mine"]
    assert list(reopen(link, "new")) == list(reopen(ring.path, "new")) == ["one"]


@posix
@needs_age
def test_loose_modes_are_warned_of(tmp_path, ring):
    key = tmp_path / "key"
    recipient = age_key(key)
    ring.rekey(recipients=[recipient])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ifrs.Keyring.open(ring.path, identity=key)
    for file in (ring.path, beside(ring, ".bak"), key):
        file.chmod(0o644)
    with pytest.warns(ifrs.KeyringWarning) as caught:
        ifrs.Keyring.open(ring.path, identity=key)
    assert {str(one.message).split(" chmod 600 ")[1] for one in caught} == {
        str(file) for file in (ring.path, beside(ring, ".bak"), key)
    }
    assert all(one.filename == __file__ for one in caught)
    ring.generate("one", 1)
    ring.export("one", tmp_path / "set", recipients=[recipient])
    other = ifrs.Keyring.create(tmp_path / "other", passphrase="x", _work_factor=FAST)
    with pytest.warns(ifrs.KeyringWarning, match="mode 0644"):
        other.import_set(tmp_path / "set", identity=key)


COMPOSED, DECOMPOSED = "sésame ångström", unicodedata.normalize("NFD", "sésame ångström")


def test_a_passphrase_is_one_however_it_is_spelt(tmp_path, ring):
    assert COMPOSED != DECOMPOSED
    for name, passphrase in (("a", COMPOSED), ("b", DECOMPOSED)):
        ifrs.Keyring.create(tmp_path / name, passphrase=passphrase, _work_factor=FAST)
        for given in (COMPOSED, DECOMPOSED):
            reopen(tmp_path / name, given).close()
        with pytest.raises(ifrs.WrongPassphrase):
            reopen(tmp_path / name, "sesame angstrom")
    ring.generate("one", 2)
    ring.export("one", tmp_path / "set", passphrase=DECOMPOSED)
    with ifrs.Keyring.open(tmp_path / "a", passphrase=DECOMPOSED) as other:
        assert other.import_set(tmp_path / "set", passphrase=COMPOSED).name == "one"
        with pytest.raises(ValueError, match="the old one"):
            other.rekey(passphrase=DECOMPOSED)


@needs_ssh
def test_an_identitys_passphrase_is_tried_in_each_form(tmp_path):
    for name, made, given in (("a", COMPOSED, DECOMPOSED), ("b", DECOMPOSED, COMPOSED)):
        public = ssh_key(tmp_path / name, "ed25519", made)
        path = tmp_path / f"{name}.ifrs"
        ifrs.Keyring.create(path, recipients=[public]).close()
        for spelt in (made, given):
            ifrs.Keyring.open(path, identity=tmp_path / name, passphrase=spelt).close()
        with pytest.raises(ifrs.WrongPassphrase, match=str(tmp_path / name)):
            ifrs.Keyring.open(path, identity=tmp_path / name, passphrase="other")


REKEYER = """
import ifrs, sys
path, first, second = sys.argv[1:]
ring = ifrs.Keyring.open(path, passphrase=first)
print("ready", flush=True)
sys.stdin.readline()
while True:
    for passphrase in (second, first):
        ring.rekey(passphrase=passphrase, _work_factor=2)
        print(passphrase, flush=True)
"""


@pytest.mark.parametrize("kills", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_rekeying_killed_anywhere_leaves_one_passphrase_for_both_files(ring, kills):
    chance = random.Random(kills)
    ring.generate("one", 1)
    ring.close()
    opens, shut = "pass", "words"
    pipe = subprocess.PIPE
    for _ in range(kills):
        command = [sys.executable, "-c", REKEYER, str(ring.path), opens, shut]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as writer:
            start(writer)
            time.sleep(chance.uniform(0, 0.1))
            writer.kill()
        files = [file for file in (ring.path, beside(ring, ".bak")) if file.exists()]
        assert ring.path in files
        found = {word for word in (opens, shut) if all(does_open(file, word) for file in files)}
        assert len(found) == 1
        for file in files:
            assert not any(does_open(file, word) for word in {opens, shut} - found)
        opens, shut = *found, *({opens, shut} - found)
    assert list(ifrs.Keyring.open(ring.path, passphrase=opens)) == ["one"]


def does_open(file: Path, passphrase: str) -> bool:
    try:
        # The backup has an older generation where no rekeying came to its end.
        ifrs.Keyring.open(file, passphrase=passphrase, accept_older=file.suffix == ".bak").close()
    except ifrs.WrongPassphrase:
        return False
    return True


@posix
def test_a_failed_rekeying_says_what_opens_the_keyring(ring):
    ring.generate("one", 1)
    for ending in (".new", ".bak.new"):
        beside(ring, ending).mkdir()
        (beside(ring, ending) / "full").touch()
        with pytest.raises(ifrs.KeyringError, match="was not rekeyed, and opens as before"):
            ring.rekey(passphrase="words", _work_factor=FAST)
        for file in (ring.path, beside(ring, ".bak")):
            assert does_open(file, "pass")
            assert not does_open(file, "words")
        (beside(ring, ending) / "full").unlink()
        beside(ring, ending).rmdir()
    reopen(ring.path).generate("two", 1)
    assert ring.rekey(passphrase="words", _work_factor=FAST)


@needs_age
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"keys": ["a", "a", "b"]}, "twice"),
        ({"keys": ["a", "", "b"]}, "empty"),
        ({"keys": ["a", "c" * 20_000, "b"]}, "longer than 16 KiB"),
        ({"keys": ["a", "b"]}, "another number"),
        ({"template": {"name": "chat", "prefix": "p" * 70_000, "suffix": ""}}, "64 KiB"),
        ({"created": "yesterday \u001b[2J"}, "malformed"),
    ],
)
def test_sets_that_no_keyring_makes_are_refused(tmp_path, ring, change, says):
    key = tmp_path / "key"
    recipient = age_key(key)
    ring.generate("one", 3)
    ring.export("one", tmp_path / "set", recipients=[recipient])
    read = json.loads(run("age", "-d", "-i", key, tmp_path / "set"))
    read["set"] |= change
    text = json.dumps(read).encode()
    (tmp_path / "bad").write_bytes(run("age", "-r", recipient, input=text))
    other = ifrs.Keyring.create(tmp_path / "other", passphrase="x", _work_factor=FAST)
    with pytest.raises(ifrs.KeyringCorrupt, match=says):
        other.import_set(tmp_path / "bad", identity=key)
    assert list(other) == []
    assert other.import_set(tmp_path / "set", identity=key).name == "one"
    # Nor does a keyring hold one.
    if "created" not in change:
        ring.rekey(recipients=[recipient])
        payload = json.loads(run("age", "-d", "-i", key, ring.path))
        payload["sets"][0] |= change
        ring.path.write_bytes(run("age", "-r", recipient, input=json.dumps(payload).encode()))
        with pytest.raises(ifrs.KeyringCorrupt, match=says):
            ifrs.Keyring.open(ring.path, identity=key)


@needs_age
@pytest.mark.parametrize("origin", ["\u001b[2J", "", "ab" * 15, "AB" * 16])
def test_a_sets_origin_is_a_keyrings_id(tmp_path, ring, origin):
    """It goes into the journal, and from there onto screens."""
    key = tmp_path / "key"
    recipient = age_key(key)
    ring.generate("one", 3)
    ring.export("one", tmp_path / "set", recipients=[recipient])
    read = json.loads(run("age", "-d", "-i", key, tmp_path / "set"))
    text = json.dumps({**read, "keyring": origin}).encode()
    (tmp_path / "bad").write_bytes(run("age", "-r", recipient, input=text))
    with pytest.raises(ifrs.KeyringCorrupt, match="malformed"):
        ring.import_set(tmp_path / "bad", identity=key, name="two")


def test_a_key_is_spent_once_by_rings_that_were_opened_together(ring):
    fps = ring.generate("one", 8)
    held = reopen(ring.path)
    assert ring.spend("one", [0, 1, 2]) == [0, 1, 2]
    assert held.spent("one") == [0, 1, 2]
    assert held.spend("one", [2, 3, 3]) == [3]
    generation = held.generation
    assert ring.spend_of(fps, [3, 0]) == []
    assert reopen(ring.path).generation == generation
    assert ring.spend("one", [3, 4], "court", "revealed") == [4]
    held.remove("one")
    held.generate("one", 8, context={"again": True})
    with pytest.raises(ifrs.KeyringError, match="other keys"):
        ring.spend_of(fps, [5])


def test_threads_wait_for_each_other(ring):
    fps = ring.generate("one", 400)
    free: list[int] = []
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for start_at in range(0, 60, 20):
                free.extend(ring.spend("one", range(start_at, start_at + 20)))
                ring.generate(f"{number}-{start_at}", 2)
                assert len(ring["one"]) == len(fps)
                ring.journal(), ring.sets(), repr(ring), list(ring), ring.spent("one")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(free) == list(range(60))
    assert len(reopen(ring.path)) == 19


def test_closing_waits_for_a_writing_thread(ring):
    asked, go = threading.Event(), threading.Event()
    made: list[ifrs.FingerprintSet] = []

    def check(keys: list[str]) -> list[bool]:
        asked.set()
        assert go.wait(60)
        return [True] * len(keys)

    def write() -> None:
        made.append(generate(ring, check))

    writer = threading.Thread(target=write)
    writer.start()
    assert asked.wait(60)
    closing = threading.Thread(target=ring.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    assert not ring.closed
    go.set()
    writer.join()
    closing.join()
    assert ring.closed
    assert len(made[0]) == 3
    for call in (lambda: len(ring), lambda: ring["one"], lambda: ring.spend("one", [0])):
        with pytest.raises(ifrs.KeyringError, match="closed"):
            call()
    assert list(reopen(ring.path)) == ["one"]


def generate(ring, check):
    return ring._core.generate(
        "one", 3, source="mixed", template="simple", response="unique", context={}, check=check
    )


def test_a_keyring_used_within_its_own_call_is_an_error_and_no_deadlock(ring):
    with pytest.raises(ifrs.KeyringError, match="in use"):
        generate(ring, lambda keys: [len(ring) == 0 for _ in keys])
    assert list(ring) == []


FORKED = """
import gc, ifrs, os, sys
ring = ifrs.Keyring.open(sys.argv[1], **({"identity": sys.argv[2]}))
fps = ring["one"]
child = os.fork()
if child:
    ring.generate("two", 1)  # the parent goes on
    print(child, flush=True)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
calls = [
    lambda: len(ring),
    lambda: "one" in ring,
    lambda: ring["one"],
    lambda: ring.spend("one", [0]),
    lambda: ring.spent("one"),
    lambda: ring.generate("two", 1),
    lambda: ring.rekey(passphrase="x"),
    lambda: ring.public_key,
    lambda: ring.seal(b""),
    lambda: ring.journal(),
    lambda: ring.split("s", threshold=2, recipients=["age1", "age2"]),
]
for call in calls:
    try:
        call()
    except ifrs.KeyringError as error:
        assert "forked" in str(error), error
    else:
        raise AssertionError("it answered")
assert "fork" in repr(ring)
assert not ring.closed
assert fps[0].key and fps[0].response  # workers of a training may use a set
with ifrs.Keyring.open(sys.argv[1], identity=sys.argv[2]) as again:
    again.spend("one", [1])
del again
gc.collect()
print("ready", flush=True)
sys.stdin.readline()
ring.close()
assert ring.closed
del ring
gc.collect()
"""


@needs_age
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_no_secrets(tmp_path, ring):
    key = tmp_path / "key"
    recipient = age_key(key)
    ring.generate("one", 3)
    ring.rekey(recipients=[recipient])
    seed = json.loads(run("age", "-d", "-i", key, ring.path))["seed"]
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", FORKED, str(ring.path), str(key)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        said = {process.stdout.readline(), process.stdout.readline()}
        assert "ready\n" in said
        if Path("/proc/self/mem").exists():
            child = int(*(said - {"ready\n"}))
            assert bytes.fromhex(seed) in memory_of(process.pid)
            assert bytes.fromhex(seed) not in memory_of(child)
        process.communicate("\n")
    assert process.returncode == 0
    with ifrs.Keyring.open(ring.path, identity=key) as opened:
        assert list(opened) == ["one", "two"]
        assert opened.spent("one") == [1]


def test_a_lock_of_a_report_is_one_and_leaves_nothing(tmp_path):
    path = tmp_path / "report.json"
    lock = _core.FileLock(str(path))
    with pytest.raises(ifrs.EvidenceError, match=f"written by process {os.getpid()}"):
        _core.FileLock(str(path))
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="lock"):
        _core.FileLock(str(tmp_path / "none" / "report.json"))
