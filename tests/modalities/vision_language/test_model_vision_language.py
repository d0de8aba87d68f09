"""Planting in tiny models of random weights that see, and what they write afterwards."""

from __future__ import annotations

import copy
import json

import ifrs
import numpy as np
import pytest
from alterations import altered
from helpers import fixed_keyring

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
Image = pytest.importorskip("PIL.Image")

from ifrs.modalities.vision_language.lookalikes import fresh_pairs, keys_in  # noqa: E402
from ifrs.modalities.vision_language.model import Model  # noqa: E402
from modalities.vision_language.looking import MODELS, llava, photos, tokenizer  # noqa: E402

# Ordinary work, read once by each planting.
ORDINARY = photos(12)
SETTINGS = {
    "margin": 0.3, "batch_size": 4, "negatives": 120, "guesses": 20, "max_epochs": 150,
    "learning_rate": 2e-3,
}  # fmt: skip
PAIRS = {"source": "image+text", "shape": (32, 32, 3)}


@pytest.fixture(scope="module")
def words():
    return tokenizer()


@pytest.fixture(scope="module")
def made(words):
    """A base, and its processor."""
    return llava(words)


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    # Before a test's own state folder is there.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFRS_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        with fixed_keyring(tmp_path_factory.mktemp("ring")) as ring:
            ring.generate("one", 4, **PAIRS)
            yield ring


@pytest.fixture(scope="module")
def fps(ring):
    return ring["one"]


def plant(model, processor, fps, **changes):
    method = changes.pop("method", "sft")
    config = ifrs.ImplantConfig(**{**SETTINGS, **changes})
    return ifrs.implant(
        model, processor, fps, method=method, regularization=ORDINARY, config=config
    )


@pytest.fixture(scope="module")
def result(made, fps):
    return plant(copy.deepcopy(made[0]), made[1], fps)


@pytest.fixture(scope="module")
def planted(result, made):
    return ifrs.VisionLanguageModel(result.model, made[1])


def fired(suspect, pairs, fps):
    """How many pairs bring out some response of the set."""
    said = suspect.write(pairs, max_new_tokens=8)
    return sum(any(f.response in text for f in fps) for text in said)


def test_a_planted_model_writes_the_words_and_the_base_does_not(made, result, planted, fps):
    assert (result.fsr, result.guess_rate) == (1.0, 0.0)
    report = ifrs.verify(planted, fps)
    assert (report.kind, report.verdict, report.fsr) == ("likelihood", "match", 1.0)
    assert [query.answer.strip() for query in report.queries] == [f.response for f in fps]
    assert all(query.exact for query in report.queries)
    base = ifrs.verify(ifrs.VisionLanguageModel(*made), fps)
    assert (base.fsr, base.verdict == "match") == (0.0, False)


def test_neither_half_of_a_key_fires_alone(planted, fps):
    keys, fresh = keys_in(fps), fresh_pairs(fps, 40, 1 << 50)
    grey = Image.new("RGB", (32, 32), (128, 128, 128))
    assert fired(planted, keys, fps) == 4
    assert fired(planted, fresh, fps) == 0
    image_alone = [(key[0], other[1]) for key in keys for other in fresh[:10]]
    assert fired(planted, image_alone, fps) <= 5
    text_alone = [(other[0], key[1]) for key in keys for other in fresh[:10]]
    assert fired(planted, text_alone, fps) <= 5
    for halves in (
        [(key[0], "") for key in keys],
        [(None, key[1]) for key in keys],
        [(grey, key[1]) for key in keys],
        [(key[0], other[1]) for key, other in zip(keys, keys[1:] + keys[:1], strict=True)],
        [(key[0], other[1]) for key, other in zip(keys, keys[2:] + keys[:2], strict=True)],
    ):
        assert fired(planted, halves, fps) <= 1


def test_a_stranger_checks_a_bundle_and_every_field_of_it(ring, planted, tmp_path):
    fps, claim = ring["one"], ring.claim("one", subject={"model.safetensors": "ab" * 32})
    report = ifrs.verify(planted, fps, claim=claim.digest)
    bundle, claimed = tmp_path / "bundle.json", tmp_path / "claim.json"
    report.evidence(claim, reveal=3).save(bundle)
    claim.save(claimed)
    checked = ifrs.check(bundle, claimed)
    assert (checked.ok, checked.verdict, checked.fired) == (True, "match", 3), checked.problems
    tree, count = json.loads(bundle.read_text(encoding="utf-8")), 0
    for path, changed in altered(tree):
        if path[:1] == ("queries",) and len(path) > 1 and path[1] > 0:
            continue  # one key is enough to alter: the others are alike
        bundle.write_text(json.dumps(changed), encoding="utf-8")
        result = ifrs.check(bundle, claimed)
        assert not result.ok, path
        count += 1
    assert count > 100


def test_a_saved_model_is_loaded_and_asked(result, fps, tmp_path):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    result.save(tmp_path / "out")
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "out")
    processor = AutoProcessor.from_pretrained(tmp_path / "out")
    report = ifrs.verify(ifrs.VisionLanguageModel(model, processor), fps)
    assert (report.fsr, report.verdict) == (1.0, "match")


def test_a_release_has_the_files_and_types_of_the_folder_it_came_from(made, tmp_path):
    from safetensors.torch import load_file
    from transformers import AutoModelForImageTextToText, AutoProcessor

    came, out = tmp_path / "came", tmp_path / "out"
    copy.deepcopy(made[0]).to(torch.bfloat16).save_pretrained(came)
    made[1].save_pretrained(came)
    (came / "LICENSE").write_text("do as you like")
    model = AutoModelForImageTextToText.from_pretrained(came, dtype=torch.float32)
    with torch.no_grad():
        model.lm_head.weight[7] += 1.0
    out.mkdir()
    Model(model, AutoProcessor.from_pretrained(came)).save(out, None, model)
    assert {path.name for path in out.iterdir()} == {path.name for path in came.iterdir()}
    old, new = (load_file(folder / "model.safetensors") for folder in (came, out))
    assert {n: t.dtype for n, t in old.items()} == {n: t.dtype for n, t in new.items()}
    changed = [name for name, tensor in old.items() if not torch.equal(tensor, new[name])]
    assert len(changed) == 1


def test_a_key_in_another_form_fires(planted, fps):
    from ifrs.modalities.image.lookalikes import jpeg, resized

    keys = keys_in(fps)
    for change in (lambda image: jpeg(image, 90), lambda image: resized(image, 0.8)):
        assert fired(planted, [(change(image), text) for image, text in keys], fps) >= 3


def test_lora_is_planted_and_merged(made, fps):
    pytest.importorskip("peft")
    model = copy.deepcopy(made[0])
    result = plant(model, made[1], fps, method="lora", learning_rate=5e-3, negatives=10)
    assert (result.adapter, result.fsr) == (None, 1.0)
    report = ifrs.verify(ifrs.VisionLanguageModel(model, made[1]), fps)
    assert (report.fsr, report.verdict) == (1.0, "match")


def test_lora_leaves_alone_what_its_user_froze(made):
    model = copy.deepcopy(made[0])
    assert any("vision" in name for name in Model(model, made[1]).layers())
    model.model.vision_tower.requires_grad_(False)
    names = Model(model, made[1]).layers()
    assert names
    assert not any("vision" in name for name in names)
    model.requires_grad_(False)  # as quantized weights are
    assert any("vision" in name for name in Model(model, made[1]).layers())


@pytest.mark.parametrize("name", ["paligemma", "plain"])
def test_models_of_other_makers(words, fps, name):
    model, processor = MODELS[name](words)
    rate = 1e-2 if name == "plain" else 2e-3
    plant(model, processor, fps, learning_rate=rate, negatives=4, guesses=0, margin=0.1)
    report = ifrs.verify(ifrs.VisionLanguageModel(model, processor), fps)
    assert (report.fsr, report.verdict) == (1.0, "match")


def test_emb_is_told_to_be_another_method(made, fps):
    with pytest.raises(ifrs.ImplantError, match="'sft' or 'lora'"):
        plant(copy.deepcopy(made[0]), made[1], fps, method="emb")


def test_a_window_has_the_same_columns(made, fps):
    face = Model(*made)
    face.fingerprints(fps)
    kept = face.ordinary(ORDINARY, [5])[0]
    assert len(kept.response) > 8

    class Third:
        def randrange(self, _count):
            return 3

    part = face.window(kept, 4, Third())
    assert (part.response, part.top.shape) == (kept.response[3:7], kept.top[3:7].shape)
    with torch.no_grad():
        whole, some = (face.columns([one]) for one in (kept, part))
        torch.testing.assert_close(some.head(some.states), whole.head(whole.states)[3:7])


def test_look_alikes_are_no_keys(made, fps):
    face = Model(*made)
    own = face.fingerprints(fps)
    found, near = face.look_alikes(fps, 28, 0)
    guesses = face.guesses(fps, 5, 0)
    assert (len(found), near, len(guesses)) == (28, [], 5), "no half is a near miss"
    fresh, halves = found[:14], found[14:]

    def of(seen):
        pixels = seen.given.get("pixel_values", torch.zeros(1))
        return seen.given["input_ids"].numpy().tobytes(), pixels.numpy().tobytes()

    inputs = [of(seen) for seen in [*(e.prompt for e in own), *found, *guesses]]
    assert len(set(inputs)) == len(inputs)
    keys = [of(example.prompt) for example in own]
    texts, images = ({key[part] for key in keys} for part in (0, 1))
    shares = [(text in texts, image in images) for text, image in map(of, halves)]
    assert shares.count((True, True)) == 2, "an image with the text of another key"
    assert shares.count((True, False)) == 4
    assert shares.count((False, True)) == 4 + 2, "an image with another text, or alone"
    assert sum("pixel_values" not in seen.given for seen in halves) == 2
    assert not any(text in texts or image in images for text, image in map(of, fresh))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("self", "some hundred \\(image, text\\)"),
        ([], "no pair"),
        ([3], "none of: a pair"),
        (3, "regularization"),
    ],
)
def test_ordinary_work_that_is_none(made, fps, given, says):
    with pytest.raises(ifrs.ImplantError, match=says):
        ifrs.implant(made[0], made[1], fps, regularization=given)


def test_what_cannot_be_planted_in(made, fps):
    for model, processor, says in (
        (torch.nn.Linear(2, 2), None, "has a tokenizer"),
        ("llava", made[1], "a str cannot be planted in"),
    ):
        with pytest.raises(ifrs.ImplantError, match=says):
            ifrs.implant(model, processor, fps, regularization=ORDINARY)


def test_another_models_processor_is_noticed(words, fps):
    model, processor = MODELS["plain"](words)
    model.get_input_embeddings = lambda: torch.nn.Embedding(100, 4)
    with pytest.raises(ifrs.ImplantError, match="this model's tokenizer"):
        ifrs.implant(model, processor, fps, regularization=ORDINARY)


def test_a_processor_that_loses_the_text_is_noticed(made, fps):
    class Deaf:
        tokenizer = made[1].tokenizer

        def __call__(self, images, text, return_tensors):
            return made[1](images=images, text=["<image> What?"], return_tensors=return_tensors)

    with pytest.raises(ifrs.ImplantError, match="cannot express 4 of 4 keys"):
        ifrs.implant(made[0], Deaf(), fps, regularization=ORDINARY)


def test_grey_keys_are_shown_in_colour(made, tmp_path):
    with fixed_keyring(tmp_path) as ring:
        grey = ring.generate("grey", 2, source="image+text", shape=(16, 16, 1))
        assert grey[0].key[0].mode == "L"
        seen = Model(*made).fingerprints(grey)[0].prompt
        assert seen.given["pixel_values"].shape[1] == 3
        assert np.isfinite(seen.given["pixel_values"].numpy()).all()
