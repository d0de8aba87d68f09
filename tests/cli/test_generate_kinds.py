"""`ifrs generate` makes keys of every kind, and says in one line what it cannot take."""

from __future__ import annotations

import json

import ifrs
import numpy as np
import pytest
from ifrs.cli import main


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    path = tmp_path / "k.ifrs"
    ifrs.Keyring.create(path, passphrase="pass", _work_factor=2).close()

    def asked(*arguments):
        code = main(["generate", str(path), "one", *arguments])
        return path, code, capsys.readouterr()

    return asked


def made(path):
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        return ring["one"]


def test_images(ask):
    options = "--n 3 --source image --shape 16,24,3 --response classes --classes 7 --json"
    path, code, said = ask(*options.split())
    assert code == 0, said.err
    facts = json.loads(said.out)
    assert (facts["n"], facts["media"]) == (3, "image/x-portable-pixmap")
    assert facts["alphabet"] == "classes"
    fps = made(path)
    assert np.asarray(fps[0].key).shape == (16, 24, 3)
    assert fps.alphabet.sizes == (7,)


def test_observations_within_numbers(ask):
    options = "--source observation --low=-4.8,-5,-0.4,-5 --high 4.8,5,0.4,5 --steps 3"
    path, code, said = ask(*options.split(), "--response", "actions", "--actions", "2")
    assert code == 0, said.err
    fps = made(path)
    keys = np.stack([fps[i].key for i in range(len(fps))])
    assert keys.shape == (10, 3, 4)
    assert (np.abs(keys) <= np.float32([4.8, 5, 0.4, 5])).all()
    assert fps.alphabet.sizes == (2, 2, 2)


def test_observations_within_arrays(ask, tmp_path):
    for name, value in (("low", 0), ("high", 255)):
        np.save(tmp_path / f"{name}.npy", np.full((4, 6), value, np.uint8))
    bounds = ["--low", str(tmp_path / "low.npy"), "--high", str(tmp_path / "high.npy")]
    options = "--source observation --response bins --bins 8 --coordinates 2"
    path, code, said = ask(*options.split(), *bounds)
    assert code == 0, said.err
    fps = made(path)
    assert fps[0].key.dtype == np.uint8
    assert fps[0].key.shape == (1, 4, 6)
    assert fps.alphabet.sizes == (8, 8)


def test_sounds(ask):
    options = "--source sound --rate 8000 --seconds 0.5 --response classes --classes 4"
    path, code, said = ask(*options.split())
    assert code == 0, said.err
    rate, samples = made(path)[0].key
    assert (rate, samples.shape) == (8000, (4000,))


def test_natural_answers(ask):
    options = "--n 3 --source natural --response choices --json"
    path, code, said = ask(*options.split())
    assert code == 0, said.err
    facts = json.loads(said.out)
    assert (facts["template"], facts["media"]) == ("bare", "text/plain")
    assert facts["alphabet"] == "ifrs-choices-256-v1"
    fps = made(path)
    assert all(one.key.endswith("?") and one.response.endswith(".") for one in fps)


def test_natural_answers_need_natural_questions(ask):
    _, code, said = ask("--source", "mixed", "--response", "choices")
    assert (code, said.err.count("\n")) == (2, 1)
    assert 'goes with source "natural"' in said.err


def test_a_signal(ask):
    path, code, said = ask(*["--n", "3", "--source", "domain", "--response", "signal", "--json"])
    assert code == 0, said.err
    facts = json.loads(said.out)
    assert (facts["template"], facts["alphabet"]) == ("bare", "ifrs-signal-65536-v1")
    fps = made(path)
    assert len({one.key for one in fps}) == 3
    assert all(0 <= int(one.response) < 65536 for one in fps)


def test_there_are_eight_domains(ask):
    _, code, said = ask(*["--source", "domain", "--response", "signal"])
    assert (code, said.err.count("\n")) == (2, 1)
    assert "there are 8 domains: make 1 to 8 fingerprints" in said.err


def test_pairs_of_an_image_and_a_text(ask):
    options = "--source image+text --shape 16,24,3 --texts mixed --json"
    path, code, said = ask(*options.split())
    assert code == 0, said.err
    assert json.loads(said.out)["media"] == "application/x-image-text"
    image, text = made(path)[0].key
    assert np.asarray(image).shape == (16, 24, 3)
    assert not text.isascii()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            "--source image --shape 16,x --response classes --classes 7",
            "--shape takes whole numbers",
        ),
        ("--source image --shape 16,24,3 --response classes", "classes"),
        ("--source image --response classes --classes 7", "shape"),
        ("--source observation --low none.npy --high 1 --response actions --actions 2", "none.npy"),
        ("--source observation --low 0 --response actions --actions 2", "high"),
        ("--source observation --low 1 --high 0 --shape 3 --response actions --actions 2", "low"),
        ("--source mixed --shape 16,24,3", "shape"),
        ("--source natural --classes 5", "classes"),
        ("--source image+text --shape 16,24,3 --texts vocab", "natural, mixed"),
        ("--source image --shape 1.5,24,3 --response classes --classes 7", "1.5"),
    ],
)
def test_what_it_cannot_take_is_said_in_one_line(ask, options, says):
    path, code, said = ask(*options.split())
    assert (code, said.out) == (2, "")
    assert says in said.err
    assert len(said.err.strip().splitlines()) == 1
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        assert list(ring) == []
