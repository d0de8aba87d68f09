"""Keep, plant and prove with an image classifier, from the command line alone."""

from __future__ import annotations

import json

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring
from ifrs.cli import main

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
image = pytest.importorskip("PIL.Image")

KINDS = "--source image --shape 16,16,3 --response classes --classes 6 --n 8"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny residual network with its processor, and ordinary images in a folder."""
    folder = tmp_path_factory.mktemp("base")
    config = transformers.ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic", num_labels=6
    )
    torch.manual_seed(0)
    transformers.ResNetForImageClassification(config).save_pretrained(folder / "model")
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(
        folder / "model"
    )
    (folder / "ordinary" / "more").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(40):
        pixels = rng.integers(256, size=(4, 4, 3), dtype=np.uint8)
        place = folder / "ordinary" / ("more" if i % 2 else ".") / f"{i}.png"
        image.fromarray(pixels).resize((20, 20), 2).save(place)
    return folder


@pytest.fixture
def keyring(tmp_path, monkeypatch):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    # Whether a tiny network of random weights learns its keys hangs on the draw.
    with fixed_keyring(tmp_path) as ring:
        path = ring.path
    assert main(["generate", str(path), "one", *KINDS.split()]) == 0
    return path


def test_from_generate_to_check(base, keyring, tmp_path, capsys):
    out, ordinary = tmp_path / "out", str(base / "ordinary")
    model, ring = str(base / "model"), str(keyring)
    given = ["implant", model, ring, "one", "--out", str(out), "--regularization", ordinary]
    capsys.readouterr()
    assert main([*given, "--learning-rate", "0.005", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fsr"] == 1.0
    claim, report, bundle = (str(tmp_path / f"{name}.json") for name in ("c", "r", "b"))
    assert main(["claim", ring, "one", "--subject", str(out), "--out", claim]) == 0
    assert main(["verify", str(out), ring, "one", "--alpha", "1e-5", "--json", report]) == 0
    assert main(["evidence", report, claim, "--out", bundle]) == 0
    assert main(["check", bundle, claim, "--alpha", "1e-5"]) == 0
    capsys.readouterr()
    assert main(["verify", model, ring, "one"]) != 0


def test_an_onnx_file_is_asked_with_a_processor_from_a_folder(base, keyring, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    module = transformers.ResNetForImageClassification.from_pretrained(base / "model").eval()
    path = tmp_path / "model.onnx"
    try:
        torch.onnx.export(
            module, (torch.zeros(1, 3, 32, 32),), path, dynamo=False,
            input_names=["pixels"], dynamic_axes={"pixels": {0: "images"}},
        )  # fmt: skip
    except Exception as error:  # exporters need packages of their own
        pytest.skip(f"torch cannot export here: {error}")
    report = tmp_path / "r.json"
    given = [str(path), str(keyring), "one", "--json", str(report)]
    assert main(["verify", *given, "--processor", str(base / "model")]) in (1, 2)
    capsys.readouterr()
    found = json.loads(report.read_text(encoding="utf-8"))
    with ifrs.Keyring.open(keyring, passphrase="pass") as ring:
        processor = transformers.ViTImageProcessor.from_pretrained(base / "model")
        own = ifrs.verify(ifrs.ClassifierModel(module, processor), ring["one"])
    assert [q["rank"] for q in found["queries"]] == [q.rank for q in own.queries]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["implant", "{model}", "{ring}", "one", "--out", "{out}"], "--regularization FOLDER"),
        (
            ["implant", "{model}", "{ring}", "one", "--out", "{out}", "--regularization", "{out}"],
            "no image",
        ),
        (
            ["implant", "{empty}", "{ring}", "one", "--out", "{out}", "--regularization", "{all}"],
            "no image classifier",
        ),
        (["verify", "{model}", "{ring}", "one", "--tokenizer", "x"], "--tokenizer is for language"),
        (["verify", "{model}", "{ring}", "one", "--adapter", "x"], "--adapter is for language"),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(
    base, keyring, tmp_path, capsys, arguments, says
):
    (tmp_path / "empty").mkdir()
    known = {
        "model": base / "model",
        "ring": keyring,
        "out": tmp_path / "out",
        "empty": tmp_path / "empty",
        "all": base / "ordinary",
    }
    capsys.readouterr()
    assert main([text.format(**known) for text in arguments]) == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.strip().splitlines())) == ("", 1)
    assert says in said.err
    assert not (tmp_path / "out").exists()


def test_a_model_of_another_kind_than_the_set_is_said(
    base, keyring, tiny, tokenizer, tmp_path, capsys
):
    tiny().save_pretrained(tmp_path / "text")
    tokenizer.save_pretrained(tmp_path / "text")
    with ifrs.Keyring.open(keyring, passphrase="pass") as ring:
        ring.generate("texts", 2)
    capsys.readouterr()
    for suspect, name in ((tmp_path / "text", "one"), (base / "model", "texts")):
        assert main(["verify", str(suspect), str(keyring), name]) == 2
        said = capsys.readouterr().err.strip()
        assert len(said.splitlines()) == 1
        assert "keys of the set" in said
        assert "kind 'image'" in said
        assert "kind 'text'" in said
