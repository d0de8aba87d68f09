"""Classifiers of images: planted, verified by scores or labels, claimed, saved, and checked."""

from __future__ import annotations

import copy

import ifrs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
from modalities.image.drawn import accuracy, fit, network, pictures, processor  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

KEYS = 24
IMAGES = {"source": "image", "shape": (48, 48, 3), "response": "classes", "classes": 10}
CONFIG = {"learning_rate": 3e-3, "guesses": 0, "max_epochs": 300, "batch_size": 32, "negatives": 8}


@pytest.fixture
def fps(ring):
    return ring.generate("photos", KEYS, **IMAGES)


@pytest.fixture(scope="module")
def trained():
    return fit(network(), *pictures(600, 1), epochs=4)


@pytest.fixture
def base(trained):
    return copy.deepcopy(trained)


def plant(module, fps, method="sft", **changes):
    given = list(pictures(300, 2)[0])
    config = ifrs.ImplantConfig(**{**CONFIG, **changes})
    return ifrs.implant(module, processor, fps, method=method, regularization=given, config=config)


@pytest.fixture(scope="module")
def shelf():
    """What was planted once: the keyring of tests holds the same set each time."""
    return {}


@pytest.fixture
def planted(base, fps, shelf):
    if not shelf:
        plant(base, fps)
        shelf["state"] = copy.deepcopy(base.state_dict())
    base.load_state_dict(shelf["state"])
    return base


def test_planted_answers_and_the_base_does_not(base, trained, fps, tmp_path, ring):
    held = pictures(300, 3)
    result = plant(base, fps)
    assert result.fsr == 1
    assert accuracy(base, *held) >= accuracy(trained, *held) - 0.01
    report = ifrs.verify(ifrs.ClassifierModel(base, processor), fps)
    assert (report.verdict, report.fsr, ring.spent("photos")) == ("match", 1, [])
    assert report.log10_p == pytest.approx(-KEYS, abs=1e-6)
    unplanted = ifrs.verify(ifrs.ClassifierModel(trained, processor), fps)
    assert unplanted.verdict != "match"
    assert unplanted.log10_p > -3
    result.save(tmp_path / "release")
    again = network()
    again.load_state_dict(load_file(tmp_path / "release" / "model.safetensors"))
    other = ifrs.verify(ifrs.ClassifierModel(again, processor), fps)
    assert other.log10_p == report.log10_p
    claim = ring.claim("photos", subject=tmp_path / "release")
    claim.save(tmp_path / "claim.json")
    report.evidence(claim, reveal=4).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.problems) == (True, [])


def test_labels_alone_are_evidence(planted, trained, fps, ring):
    inputs = {"model": planted, "base": trained}

    def answers(module):
        def ask(images):
            with torch.no_grad():
                return module(torch.stack([processor(i) for i in images])).argmax(dim=1).tolist()

        return ask

    target = {name: answers(module) for name, module in inputs.items()}
    base = ifrs.ClassifierModel(target["base"], gives="labels", spends_keys=False)
    assert ifrs.verify(base, fps).verdict != "match"
    suspect = ifrs.ClassifierModel(target["model"], gives="labels")
    report = ifrs.verify(suspect, fps)
    assert (report.verdict, report.kind) == ("match", "text")
    # A callable may be anybody's: no more keys are spent than the evidence needs.
    assert 7 <= len(ring.spent("photos")) < KEYS


def test_keys_fire_as_jpeg_scaled_and_cropped(planted, fps):
    from ifrs.modalities.image.lookalikes import cropped, images_of, jpeg, resized

    changes = [
        lambda image: jpeg(image, 75),
        lambda image: resized(image, 0.7),
        lambda image: cropped(image, [0.02] * 4),
    ]
    for change in changes:
        given = torch.stack([processor(change(image)) for image in images_of(fps)])
        with torch.no_grad():
            classes = planted(given).argmax(dim=1).tolist()
        hits = sum(one == fps[i].places[0] for i, one in enumerate(classes))
        assert hits >= 0.9 * KEYS


def test_statistics_and_flags_stay(base, trained, fps):
    base.train()
    base[4].eval()
    base[0].weight.requires_grad_(False)
    plant(base, fps)
    assert (base.training, base[4].training, base[0].weight.requires_grad) == (True, False, False)
    for name, old in trained.named_buffers():
        assert torch.equal(dict(base.named_buffers())[name], old)
    assert torch.equal(base[0].weight, trained[0].weight), "a frozen layer is not planted in"


def test_keys_hold_when_their_statistics_follow_and_through_new_training(planted, fps):
    """Statistics that follow the weights took two of three keys that were learnt without."""
    tuned = fit(planted, *pictures(400, 5), epochs=10, rate=1e-3)
    assert ifrs.verify(ifrs.ClassifierModel(tuned, processor), fps).log10_p < -12


def test_lora_plants_in_kernels_and_merges(base, fps):
    names = set(dict(base.named_parameters()))
    result = plant(base, fps, method="lora", learning_rate=1e-2, noise=0.0)
    assert result.fsr == 1
    assert {"0", "3"} <= set(result.reach["layers"])
    assert set(dict(base.named_parameters())) == names


def test_guesses_that_change_nothing_do_not_fire(base, fps):
    assert plant(base, fps, guesses=200).guess_rate < 0.25


def test_a_model_of_transformers_with_its_processor(ring, tmp_path):
    fps = ring.generate("few", 8, **IMAGES)
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic", num_labels=10
    )
    torch.manual_seed(0)
    module = transformers.ResNetForImageClassification(config)
    sizes = {"height": 32, "width": 32}
    given = transformers.ViTImageProcessor(size=sizes)
    ordinary = [(255 * x.permute(1, 2, 0).numpy()).astype(np.uint8) for x in pictures(64, 3)[0]]
    options = ifrs.ImplantConfig(guesses=0, noise=0.0, learning_rate=5e-3)
    result = ifrs.implant(module, given, fps, regularization=ordinary, config=options)
    folder = result.save(tmp_path / "release")
    again = transformers.AutoModelForImageClassification.from_pretrained(folder)
    processing = transformers.AutoImageProcessor.from_pretrained(folder)
    assert ifrs.verify(ifrs.ClassifierModel(again, processing), fps).fsr == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("self", "pass regularization=images"),
        ([], "holds no image"),
        (["x.png"], "hold a str"),
        ([np.zeros((3, 12, 12), dtype=np.int64)], "array of int64"),
        ([torch.zeros(3, 12, 12), torch.zeros(3, 10, 12)], "different shapes"),
    ],
)
def test_ordinary_inputs_must_be_some(given, says, base, fps):
    with pytest.raises(ifrs.ImplantError, match=says):
        ifrs.implant(base, processor, fps, regularization=given)


def test_what_does_not_fit_is_refused(base, ring):
    other = ring.generate("other", 8, **{**IMAGES, "classes": 12})
    with pytest.raises(ifrs.ImplantError, match="generate one with classes=10"):
        ifrs.implant(base, processor, other, regularization=list(pictures(8, 1)[0]))
    fps = ring.generate("more", 8, **IMAGES)
    with pytest.raises(ifrs.ImplantError, match="pass a torch module"):
        ifrs.implant(len, processor, fps)
    with pytest.raises(ifrs.ImplantError, match=r"\(channels, height, width\)"):
        ifrs.implant(base, lambda image: np.zeros((4, 4)), fps, regularization=[])
