"""Callables, modules and ONNX files as classifiers that are asked."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest

pytest.importorskip("PIL")
from PIL import Image

IMAGES = [Image.new("RGB", (8, 8), (10 * i, 0, 0)) for i in range(3)]


def test_top_labels_rank_what_is_listed_and_tie_the_rest():
    suspect = ifrs.ClassifierModel(lambda images: [[2, 0], [1], []], gives="top", classes=4)
    found = suspect.scores(IMAGES)
    assert found.dtype == np.float32
    assert [row.argsort()[::-1][:2].tolist() for row in found[:1]] == [[2, 0]]
    assert found[0, 1] == found[0, 3] < found[0, 0]
    assert found[1, 1] > found[1, 0] == found[1, 2] == found[1, 3]
    assert len(set(found[2].tolist())) == 1


def test_top_pairs_keep_their_scores():
    names = ["cat", "dog", "fox"]
    told = [[("dog", 0.7), ("cat", 0.2)]] * 3
    suspect = ifrs.ClassifierModel(lambda images: told, gives="top", classes=names)
    np.testing.assert_allclose(suspect.scores(IMAGES)[0], [0.2, 0.7, -0.8], rtol=1e-6)


def test_names_are_places_of_the_list():
    suspect = ifrs.ClassifierModel(
        lambda images: ["fox", "cat", "dog"], gives="labels", classes=["cat", "dog", "fox"]
    )
    assert suspect.labels(IMAGES).tolist() == [2, 0, 1]
    assert suspect.scores is None


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [
        ([1, 2], {"gives": "labels"}, "2 answers for 3 images"),
        (["owl"] * 3, {"gives": "labels", "classes": ["cat"]}, "none of its classes"),
        ([4] * 3, {"gives": "labels", "classes": 4}, "label 4 of 4"),
    ],
)
def test_what_a_callable_must_not_give(given, options, says):
    suspect = ifrs.ClassifierModel(lambda images: given, **options)
    with pytest.raises(ifrs.TargetError, match=says):
        suspect.labels(IMAGES)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"gives": "words"}, "scores, labels or top"), ({"gives": "top"}, "must be known")],
)
def test_options_that_make_no_sense(options, says):
    with pytest.raises(ValueError, match=says):
        ifrs.ClassifierModel(len, **options)


def test_who_sees_keys():
    assert ifrs.ClassifierModel(len).spends_keys
    assert not ifrs.ClassifierModel(len, spends_keys=False).spends_keys
    remote = ifrs.ClassifierModel(len, address="https://example.org")
    assert remote.describe() == {
        "kind": "callable",
        "name": "len",
        "address": "https://example.org",
    }


def test_a_module_is_asked_in_eval_mode_and_left_as_it_was():
    torch = pytest.importorskip("torch")
    layers = [torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(192, 5)]
    module = torch.nn.Sequential(*layers).train()
    suspect = ifrs.ClassifierModel(module)
    assert not suspect.spends_keys
    np.testing.assert_array_equal(suspect.scores(IMAGES), suspect.scores(IMAGES))
    assert suspect.scores(IMAGES).shape == (3, 5)
    assert module.training
    assert module[1].training


def test_a_processor_that_gives_no_numbers():
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 5))
    suspect = ifrs.ClassifierModel(module, lambda image: np.full((3, 8, 8), np.nan))
    with pytest.raises(ifrs.TargetError, match="no numbers"):
        suspect.scores(IMAGES)


def test_onnx_files(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 5)).eval()
    path = tmp_path / "model.onnx"
    torch.onnx.export(module, (torch.zeros(2, 3, 8, 8),), path, dynamo=False)
    suspect = ifrs.ClassifierModel.from_onnx(path)
    assert not suspect.spends_keys
    assert suspect.describe() == {"kind": "local", "name": "model.onnx"}
    ours = ifrs.ClassifierModel(module).scores(IMAGES)
    np.testing.assert_allclose(suspect.scores(IMAGES), ours, atol=1e-5)
    with pytest.raises(ifrs.TargetError, match="cannot read"):
        ifrs.ClassifierModel.from_onnx(tmp_path / "none.onnx")


def test_without_onnx_runtime(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ifrs.TargetError, match="pip install"):
        ifrs.ClassifierModel.from_onnx("model.onnx")
