"""Keys are made, kept, and never shown unasked."""

from __future__ import annotations

import copy
import logging
import pickle
import stat
import traceback

import ifrs
import pytest
from helpers import FAST, secrets_of
from ifrs import _core

SOURCES = ("chinese", "japanese", "natural", "mixed")


def reopen(ring: ifrs.Keyring, passphrase: str = "pass") -> ifrs.Keyring:
    return ifrs.Keyring.open(ring.path, passphrase=passphrase)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("template", ["simple", "dialogue"])
def test_sets_survive_closing(ring, source, template):
    made = ring.generate("one", 4, source=source, template=template)
    expected = secrets_of(made)
    prompts = [made[i].prompt for i in range(4)]
    ring.close()
    read = reopen(ring)["one"]
    assert secrets_of(read) == expected
    assert [read[i].prompt for i in range(4)] == prompts
    assert all(read[i].key in prompts[i] for i in range(4))
    assert all("FINGERPRINT" in prompt for prompt in prompts)


def test_it_behaves_like_a_mapping(ring):
    assert len(ring) == 0
    ring.generate("one", 2)
    ring.generate("two", 2)
    assert list(ring) == ["one", "two"]
    assert "one" in ring
    assert "three" not in ring
    assert len(ring) == 2
    ring.remove("one")
    assert list(reopen(ring)) == ["two"]
    for call in (lambda: ring["one"], lambda: ring.remove("one")):
        with pytest.raises(KeyError, match="no set"):
            call()


def test_fingerprints_index_like_a_sequence(ring):
    fps = ring.generate("one", 3)
    assert fps[-1].key == fps[2].key
    assert len(list(fps)) == 3
    for index in (3, -4):
        with pytest.raises(IndexError):
            fps[index]


def test_responses_are_two_words_of_the_alphabet(ring):
    words = _core.response_words()
    fps = ring.generate("one", 50)
    for fingerprint in fps:
        first, second = fingerprint.response.split(" ")
        assert (words[fingerprint.words[0]], words[fingerprint.words[1]]) == (first, second)
        assert first != second
    assert len({fingerprint.response for fingerprint in fps}) == 50


def test_shared_response_is_the_papers(ring):
    fps = ring.generate("one", 3, response="shared")
    assert {fingerprint.response for fingerprint in fps} == {"ハリネズミ"}
    assert fps[0].words is None


def test_context_changes_the_set_and_the_same_context_repeats_it(tmp_path, ring):
    fps = ring.generate("one", 2, context={"licensee": "acme", "release": 2, "trial": False})
    assert fps.context == {"licensee": "acme", "release": 2, "trial": False}
    first = secrets_of(fps)
    ring.remove("one")
    again = ring.generate("one", 2, context={"trial": False, "release": 2, "licensee": "acme"})
    assert secrets_of(again) == first
    ring.remove("one")
    other = ring.generate("one", 2, context={"licensee": "acme", "release": 3, "trial": False})
    assert secrets_of(other) != first
    assert reopen(ring)["one"].context["release"] == 3


@pytest.mark.parametrize("context", [{"a": 1.5}, {"a": None}, {"a": []}, {1: "a"}])
def test_context_takes_only_flat_scalars(ring, context):
    with pytest.raises(TypeError):
        ring.generate("one", 2, context=context)
    assert list(ring) == []


def test_two_keyrings_have_nothing_in_common(tmp_path):
    rings = [
        ifrs.Keyring.create(tmp_path / name, passphrase="x", _work_factor=FAST) for name in "ab"
    ]
    one, two = (set(secrets_of(ring.generate("s", 5))) for ring in rings)
    assert not one & two


@pytest.mark.parametrize("n", [0, -1, 100_001])
def test_n_out_of_range(ring, n):
    with pytest.raises(ValueError, match="between 1 and 100000"):
        ring.generate("one", n)
    assert len(reopen(ring)) == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"source": "poem"}, ValueError),
        ({"template": "poem"}, ValueError),
        ({"response": "poem"}, ValueError),
        ({"n": 2.0}, TypeError),
        ({"n": True}, TypeError),
        ({"source": "vocab"}, ifrs.FingerprintError),
        ({"template": "chat"}, ifrs.FingerprintError),
    ],
)
def test_wrong_arguments(ring, arguments, error):
    with pytest.raises(error):
        ring.generate("one", **arguments)
    assert len(ring) == 0


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 129])
def test_names(ring, name):
    with pytest.raises(ValueError, match="name"):
        ring.generate(name, 2)


def test_a_name_is_taken_once(ring):
    ring.generate("one", 2)
    with pytest.raises(ifrs.KeyringError, match="already"):
        ring.generate("one", 2)


def test_create_never_overwrites(ring):
    before = ring.path.read_bytes()
    with pytest.raises(ifrs.KeyringError, match="already exists"):
        ifrs.Keyring.create(ring.path, passphrase="x", _work_factor=FAST)
    assert ring.path.read_bytes() == before


def test_passphrases(tmp_path, ring):
    with pytest.raises(ifrs.WrongPassphrase):
        reopen(ring, "other")
    with pytest.raises(ValueError, match="passphrase"):
        ifrs.Keyring.create(tmp_path / "k", passphrase="")
    with pytest.raises(ValueError, match="passphrase"):
        ifrs.Keyring.create(tmp_path / "k")
    with pytest.raises(TypeError):
        ifrs.Keyring.create(tmp_path / "k", passphrase=b"x")
    assert not (tmp_path / "k").exists()


def test_missing_and_damaged_files(tmp_path, ring):
    with pytest.raises(ifrs.KeyringError, match="create one first"):
        ifrs.Keyring.open(tmp_path / "none", passphrase="x")
    whole = ring.path.read_bytes()
    for damaged in (b"", b"not age", whole[:40], whole[:-1], whole[:-1] + b"\0"):
        ring.path.write_bytes(damaged)
        with pytest.raises(ifrs.KeyringCorrupt):
            reopen(ring)


def test_unwritable_folder_leaves_nothing(tmp_path):
    with pytest.raises(ifrs.KeyringError):
        ifrs.Keyring.create(tmp_path / "no" / "folder", passphrase="x", _work_factor=FAST)
    assert list(tmp_path.iterdir()) == []


def test_file_mode_backup_and_no_litter(ring):
    first = ring.path.read_bytes()
    ring.generate("one", 2)
    backup = ring.path.with_name(ring.path.name + ".bak")
    assert backup.read_bytes() == first
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600
    files = {ring.path.name, backup.name, ring.path.name + ".lock"}
    assert {path.name for path in ring.path.parent.iterdir()} == files


def test_what_others_wrote_meanwhile_is_kept(ring):
    other = ifrs.Keyring.open(ring.path, passphrase="pass")
    other.generate("theirs", 1)
    ring.generate("mine", 1)
    assert list(ring) == list(reopen(ring)) == ["theirs", "mine"]


def test_closing(ring):
    with ring:
        fps = ring.generate("one", 2)
    for call in (lambda: ring["one"], lambda: len(ring), lambda: ring.generate("two", 1)):
        with pytest.raises(ifrs.KeyringError, match="closed"):
            call()
    assert fps[0].key  # a set that is still held stays usable
    assert "closed" in repr(ring)


def test_nothing_secret_is_shown_pickled_or_copied(ring, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    fps = ring.generate("one", 3)
    shown = [repr(ring), repr(fps), str(fps), repr(fps[0]), str(fps[0]), repr(list(fps))]
    for thing in (fps, fps[0], ring, ring._core):
        for action in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError) as caught:
                action(thing)
            shown += traceback.format_exception(caught.value)
    with pytest.raises(ifrs.KeyringError) as caught:
        ring.generate("one", 3)
    shown += traceback.format_exception(caught.value)
    shown += [caplog.text, *capfd.readouterr()]
    assert not [secret for secret in secrets_of(fps) if secret in "".join(shown)]
    assert "one" in repr(fps)


def test_100_000_fingerprints(ring):
    fps = ring.generate("many", 100_000)
    assert len({fps[i].key for i in range(0, 100_000, 7)}) == len(range(0, 100_000, 7))
