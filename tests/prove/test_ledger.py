"""No key is sent twice, whoever else verifies with the keyring at the time."""

from __future__ import annotations

import subprocess
import sys
import threading

import ifrs
import pytest
from ifrs.errors import EvidenceError, FingerprintError
from servers import serving

pytest.importorskip("httpx2")

VERIFIER = """
import ifrs, sys
path, url, report = sys.argv[1:]
ring = ifrs.Keyring.open(path, passphrase="pass")
target = ifrs.ApiModel(url, "m", max_concurrency=1)
print("ready", flush=True)
sys.stdin.readline()
try:
    made = ifrs.verify(target, ring["one"], sequential=False, resume=report or None)
except ifrs.IfrsError as error:
    print(type(error).__name__, error)
else:
    print(*(query.index for query in made.queries))
    print(*made.notes)
"""


class Verifier:
    """Another process that is ready to verify."""

    def __init__(self, ring, server, report=""):
        command = [sys.executable, "-c", VERIFIER, str(ring.path), server.url, str(report)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def start(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        said, _ = self.process.communicate(timeout=120)
        return said.splitlines()


def once(server):
    assert len(server.prompts) == len(set(server.prompts)), "a key was sent twice"
    return len(server.prompts)


def asked(lines):
    return [int(word) for word in lines[0].split()]


def target(server):
    return ifrs.ApiModel(server.url, "m", max_concurrency=1)


def test_a_ring_held_open_learns_what_another_process_sent(ring):
    fps = ring.generate("one", 14)
    with serving(lambda prompt: "no") as server:
        other = Verifier(ring, server)
        other.start()
        assert asked(other.end()) == list(range(14))
        with pytest.raises(FingerprintError, match="all 14 keys"):
            ifrs.verify(target(server), fps, sequential=False)
        assert once(server) == 14


@pytest.mark.parametrize("taken", [range(6, 14), range(5, 9), range(13, 14)])
def test_what_another_process_spends_meanwhile_is_not_asked(ring, taken):
    fps = ring.generate("one", 14)

    def before(prompt):
        with ifrs.Keyring.open(ring.path, passphrase="pass") as other:
            other.spend("one", taken)

    with serving(lambda prompt: "no", before=before) as server:
        report = ifrs.verify(target(server), fps, sequential=False)
        assert once(server) == len(report.queries)
    sent = [query.index for query in report.queries]
    assert sent == [index for index in range(14) if index not in taken]
    assert (report.how["planned"], report.how["complete"]) == (len(sent), True)
    keys = "1 key was" if len(taken) == 1 else f"{len(taken)} keys were"
    assert report.notes == [f"{keys} spent elsewhere meanwhile and not queried."]


def test_nothing_left_to_ask_is_an_error(ring, monkeypatch):
    fps = ring.generate("one", 3)
    found = ifrs.Keyring.spent

    def late(self, name):
        before = found(self, name)
        with ifrs.Keyring.open(ring.path, passphrase="pass") as other:
            other.spend("one", range(3))
        return before

    monkeypatch.setattr(ifrs.Keyring, "spent", late)
    with serving(lambda prompt: "no") as server:
        with pytest.raises(FingerprintError, match="spent elsewhere meanwhile"):
            ifrs.verify(target(server), fps, sequential=False)
        assert not server.prompts


def test_two_processes_with_two_reports_share_the_keys(tmp_path, ring):
    ring.generate("one", 13)
    both = threading.Barrier(2)
    seen = []

    def before(prompt):
        seen.append(prompt)
        if len(seen) <= 2:
            both.wait(60)  # neither goes on before the other has planned and sent

    with serving(lambda prompt: "no", before=before) as server:
        others = [Verifier(ring, server, tmp_path / name) for name in ("a.json", "b.json")]
        for other in others:
            other.start()
        said = [other.end() for other in others]
        assert once(server) == 13
    assert sorted(asked(said[0]) + asked(said[1])) == list(range(13))
    assert all("spent elsewhere" in lines[1] for lines in said)
    assert ring.spent("one") == list(range(13))
    assert sorted(path.name for path in tmp_path.glob("*.json*")) == ["a.json", "b.json"]


def test_two_processes_do_not_go_on_with_one_report(tmp_path, ring):
    fps = ring.generate("one", 16)
    report = tmp_path / "report.json"
    go, first = threading.Event(), threading.Event()

    def before(prompt):
        first.set()
        assert go.wait(60)

    with serving(lambda prompt: "no", before=before) as server:
        one, two = (Verifier(ring, server, report) for _ in range(2))
        one.start()
        assert first.wait(60)
        two.start()
        assert two.end()[0].startswith(f"EvidenceError {report}")
        with pytest.raises(EvidenceError, match=f"is being written by process {one.process.pid} "):
            ifrs.verify(target(server), fps, sequential=False, resume=report)
        go.set()
        assert asked(one.end()) == list(range(16))
        assert once(server) == 16
        again = Verifier(ring, server, report)
        again.start()
        assert asked(again.end()) == list(range(16))
        assert once(server) == 16
    assert not report.with_name("report.json.lock").exists()


def test_a_link_in_place_of_a_reports_lock_is_not_followed(tmp_path, ring):
    fps = ring.generate("one", 3)
    (tmp_path / "theirs").write_text("precious")
    (tmp_path / "report.json.lock").symlink_to(tmp_path / "theirs")
    with serving(lambda prompt: "no") as server:
        with pytest.raises(EvidenceError, match="is a link"):
            ifrs.verify(target(server), fps, resume=tmp_path / "report.json")
        assert not server.prompts
    assert (tmp_path / "theirs").read_text() == "precious"
