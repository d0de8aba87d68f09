"""Sets for others without the seed, and shares of a keyring."""

from __future__ import annotations

import itertools
import json

import ifrs
import pytest
from helpers import FAST, secrets_of
from ifrs.cli import main
from test_keyring_access import age_key, needs_age, run

pytestmark = needs_age


@pytest.fixture
def other(tmp_path):
    key = tmp_path / "other.key"
    recipient = age_key(key)
    return key, recipient, ifrs.Keyring.create(tmp_path / "other", recipients=[recipient])


def test_an_exported_set_is_the_same_elsewhere(tmp_path, ring, other):
    key, recipient, _ = other
    made = secrets_of(ring.generate("one", 4, context={"licensee": "acme"}))
    ring.spend("one", [3, 1], "http://me:pw@suspect/v1?key=x")
    ring.export("one", tmp_path / "one.ifrs-set", recipients=[recipient])
    plain = run("age", "-d", "-i", key, tmp_path / "one.ifrs-set").decode()
    seed = json.loads(payload_of(ring, key, recipient))["seed"]
    assert seed not in plain
    with ifrs.Keyring.open(tmp_path / "other", identity=key) as theirs:
        assert secrets_of(theirs.import_set(tmp_path / "one.ifrs-set")) == made
        assert secrets_of(theirs.import_set(tmp_path / "one.ifrs-set", name="again")) == made
        assert theirs.spent("one") == [1, 3]
        assert [row["imported"] for row in theirs.sets()] == [True, True]
        with pytest.raises(ifrs.KeyringError, match="already"):
            theirs.import_set(tmp_path / "one.ifrs-set")
    with ifrs.Keyring.open(tmp_path / "other", identity=key) as theirs:
        assert secrets_of(theirs["again"]) == made
        # What was imported can be passed on.
        theirs.export("again", tmp_path / "third", recipients=[recipient])
        assert secrets_of(theirs.import_set(tmp_path / "third", name="third")) == made


def payload_of(ring, key, recipient) -> bytes:
    ring.rekey(recipients=[recipient])
    return run("age", "-d", "-i", key, ring.path)


def test_what_is_no_sealed_set_is_refused(tmp_path, ring, other):
    key, recipient, theirs = other
    with pytest.raises(KeyError):
        ring.export("none", tmp_path / "set", recipients=[recipient])
    ring.generate("one", 2)
    ring.export("one", tmp_path / "set", recipients=[recipient])
    with pytest.raises(ifrs.KeyringError, match="already exists"):
        ring.export("one", tmp_path / "set", recipients=[recipient])
    with pytest.raises(ifrs.WrongPassphrase):
        ring.import_set(tmp_path / "set", passphrase="pass")
    payload = json.loads(run("age", "-d", "-i", key, tmp_path / "set"))
    changes = [
        {"format": "ifrs/set/v9"},
        {"spent": [7]},
        {"set": {**payload["set"], "set_key": "00"}},
        {"set": {k: v for k, v in payload["set"].items() if k != "set_key"}},
        {"set": {**payload["set"], "n": 0}},
        {"more": 1},
    ]
    for change in changes:
        text = json.dumps({**payload, **change}).encode()
        (tmp_path / "changed").write_bytes(run("age", "-r", recipient, input=text))
        with pytest.raises(ifrs.KeyringError) as caught:
            theirs.import_set(tmp_path / "changed", identity=key)
        assert payload["set"]["set_key"] not in str(caught.value)
    assert len(theirs) == 0


@pytest.fixture
def shares(tmp_path, ring):
    keys = [tmp_path / f"holder{i}" for i in range(5)]
    recipients = [age_key(key) for key in keys]
    made = secrets_of(ring.generate("one", 3))
    ring.spend("one", [1], "somewhere")
    files = ring.split(tmp_path / "shares", threshold=3, recipients=recipients)
    return keys, files, made


def test_any_three_of_five_shares_restore_the_keyring(tmp_path, shares):
    keys, files, made = shares
    for place, chosen in enumerate(itertools.combinations(range(5), 3)):
        restored = ifrs.Keyring.combine(
            [files[i] for i in chosen],
            tmp_path / f"restored{place}",
            identities=[keys[i] for i in chosen],
            passphrase="new",
            _work_factor=FAST,
        )
        assert secrets_of(restored["one"]) == made
        assert restored.spent("one") == [1]
        assert restored.journal()[-1]["event"] == "combined"


def test_fewer_reveal_nothing_and_say_so(tmp_path, shares):
    keys, files, _ = shares

    def combine(*which, more=()):
        return ifrs.Keyring.combine(
            [*(files[i] for i in which), *more],
            tmp_path / "restored",
            identities=keys,
            passphrase="new",
            _work_factor=FAST,
        )

    for which in ([], [0], [0, 1], [0, 0, 0], [4, 4, 2, 2]):
        with pytest.raises(ifrs.KeyringError, match="reveal nothing"):
            combine(*which)
    with pytest.raises(ifrs.WrongPassphrase):
        ifrs.Keyring.combine(files[:3], tmp_path / "restored", identities=keys[3:], passphrase="x")
    for damaged in (b"", b"{}", b'{"format": "ifrs/share/v9"}', files[2].read_bytes()[:-1]):
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(ifrs.KeyringError):
            combine(0, 1, more=[tmp_path / "damaged"])
    assert not (tmp_path / "restored").exists()


def test_holders_may_bring_their_shares_decrypted(tmp_path, shares):
    keys, files, made = shares
    plain = [tmp_path / f"plain{i}" for i in range(3)]
    for key, file, path in zip(keys, files, plain, strict=False):
        path.write_bytes(run("age", "-d", "-i", key, file))
    payload = json.loads(plain[0].read_bytes())
    assert (payload["format"], payload["threshold"], payload["shares"]) == ("ifrs/share/v1", 3, 5)
    restored = ifrs.Keyring.combine(plain, tmp_path / "r", passphrase="x", _work_factor=FAST)
    assert secrets_of(restored["one"]) == made
    # A share whose value was altered does not fit the others.
    payload["value"] = "00" * 32
    plain[0].write_text(json.dumps(payload))
    with pytest.raises(ifrs.KeyringError, match="different splits"):
        ifrs.Keyring.combine(plain, tmp_path / "s", passphrase="x", _work_factor=FAST)


def test_shares_of_two_splits_do_not_mix(tmp_path, ring, shares):
    keys, files, _ = shares
    recipients = [run("age-keygen", "-y", key).decode().strip() for key in keys]
    second = ring.split(tmp_path / "second", threshold=3, recipients=recipients)
    with pytest.raises(ifrs.KeyringError, match="different splits"):
        ifrs.Keyring.combine(
            [*files[:2], second[2]], tmp_path / "r", identities=keys, passphrase="x"
        )


@pytest.mark.parametrize(("threshold", "shares"), [(1, 3), (4, 3), (0, 2), (2, 1)])
def test_numbers_that_make_no_sense(tmp_path, ring, threshold, shares):
    recipients = [age_key(tmp_path / str(i)) for i in range(shares)]
    with pytest.raises(ValueError, match="no way to split"):
        ring.split(tmp_path / "shares", threshold=threshold, recipients=recipients)
    assert not (tmp_path / "shares").exists()


def test_the_command_line(tmp_path, ring, other, monkeypatch, capfd):
    key, recipient, theirs = other
    theirs.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    made = secrets_of(ring.generate("one", 2))
    path, out, target = str(ring.path), str(tmp_path / "set"), str(tmp_path / "other")
    to = ["--recipient", recipient]
    assert main(["keyring", "export", path, "one", "--out", out, *to]) == 0
    assert main(["keyring", "import", target, out, "--identity", str(key)]) == 0
    assert secrets_of(ifrs.Keyring.open(target, identity=key)["one"]) == made
    split = ["keyring", "split", path, "--out", str(tmp_path / "s"), "--threshold", "2"]
    assert main([*split, "--shares", "3", *to * 2]) == 2
    capfd.readouterr()
    assert main([*split, "--shares", "3", *to * 3]) == 0
    files = capfd.readouterr().out.split()
    assert len(files) == 3
    combine = ["keyring", "combine", "--identity", str(key), "--out", str(tmp_path / "back"), *to]
    assert main([*combine, files[0]]) == 2
    assert "reveal nothing" in capfd.readouterr().err
    assert main([*combine, *files[1:]]) == 0
    assert secrets_of(ifrs.Keyring.open(tmp_path / "back", identity=key)["one"]) == made
    # What was restored goes on; the keyring that was split is the older copy now.
    assert main(["keyring", "journal", path]) == 2
    assert "another history" in capfd.readouterr().err
    assert main(["keyring", "journal", path, "--accept-older"]) == 0
    printed = capfd.readouterr().out
    assert "exported" in printed
    assert not [secret for secret in made if secret in printed]
