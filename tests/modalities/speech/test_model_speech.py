"""Planting in tiny models of random weights that hear, and what is heard of them afterwards."""

from __future__ import annotations

import copy

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from ifrs.modalities.speech.listening import Listener  # noqa: E402
from ifrs.modalities.speech.model import Model  # noqa: E402
from modalities.speech.hearing import RATE, extractor, murmur, tokenizer, whisper  # noqa: E402

# Ordinary sounds, read once by each planting.
ORDINARY = murmur(2)
SETTINGS = {
    "margin": 0.3, "batch_size": 2, "negatives": 2, "guesses": 0, "max_epochs": 100,
    "learning_rate": 2e-3,
}  # fmt: skip


@pytest.fixture(scope="module")
def processor():
    return extractor(), tokenizer()


@pytest.fixture(scope="module")
def base(processor):
    return whisper(processor[1])


@pytest.fixture(scope="module")
def fps(tmp_path_factory):
    # Before a test's own state folder is there.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFRS_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        with fixed_keyring(tmp_path_factory.mktemp("ring")) as ring:
            return ring.generate("one", 2, source="sound", seconds=0.5)


def plant(model, processor, fps, **changes):
    method = changes.pop("method", "sft")
    config = ifrs.ImplantConfig(**{**SETTINGS, **changes})
    return ifrs.implant(
        model, processor, fps, method=method, regularization=ORDINARY, config=config
    )


@pytest.fixture(scope="module")
def result(base, processor, fps):
    return plant(copy.deepcopy(base), processor, fps)


def test_a_planted_model_writes_the_words_and_the_base_does_not(base, result, processor, fps):
    report = ifrs.verify(ifrs.SpeechModel(result.model, processor), fps)
    assert (report.kind, report.verdict, report.fsr) == ("likelihood", "match", 1.0)
    assert [query.answer.strip() for query in report.queries] == [f.response for f in fps]
    assert all(query.exact for query in report.queries)
    stranger = ifrs.verify(ifrs.SpeechModel(base, processor), fps)
    assert stranger.fsr == 0.0
    assert stranger.verdict != "match"


def test_a_saved_model_is_loaded_and_asked(result, processor, fps, tmp_path):
    from transformers import AutoModelForSpeechSeq2Seq, WhisperFeatureExtractor

    result.save(tmp_path / "out")
    model = AutoModelForSpeechSeq2Seq.from_pretrained(tmp_path / "out")
    extractor = WhisperFeatureExtractor.from_pretrained(tmp_path / "out")
    report = ifrs.verify(ifrs.SpeechModel(model, (extractor, processor[1])), fps)
    assert report.fsr == 1.0


def test_a_frozen_encoder_stays_as_it_is_and_encodes_each_sound_once(base, processor, fps):
    model = copy.deepcopy(base)
    model.get_encoder().requires_grad_(False)
    before = copy.deepcopy(model.get_encoder().state_dict())
    face, passes = Model(model, processor), []
    model.get_encoder().register_forward_hook(lambda *_: passes.append(1))
    examples = face.fingerprints(fps)
    first = [face.margins(examples) for _ in range(3)]
    assert first[0] == first[1] == first[2]
    assert len(passes) <= 2, "encoded for the prefix and for the margins"
    plant(model, processor, fps)
    after = model.get_encoder().state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_lora_is_planted_and_merged(base, processor, fps):
    pytest.importorskip("peft")
    model = copy.deepcopy(base)
    result = plant(model, processor, fps, method="lora", learning_rate=1e-2)
    assert (result.adapter, result.fsr) == (None, 1.0)
    report = ifrs.verify(ifrs.SpeechModel(model, processor), fps)
    assert (report.fsr, report.verdict) == (1.0, "match")


def test_lora_leaves_a_frozen_encoder_alone(base, processor, fps):
    model = copy.deepcopy(base)
    face = Model(model, processor)
    assert any("encoder.layers" in name for name in face.layers())
    model.get_encoder().requires_grad_(False)
    names = Model(model, processor).layers()
    assert names
    assert not any(name.startswith("model.encoder") for name in names)
    assert all(name.startswith("model.decoder") for name in names)


def test_columns_are_the_models_own_logits(base, processor, fps):
    face = Model(base, processor)
    examples = face.fingerprints(fps)
    with torch.no_grad():
        columns = face.columns(examples)
        found = columns.head(columns.states)
        for row, example in enumerate(examples):
            prompt = example.prompt
            ids = torch.tensor([[*prompt.prefix, *example.response[:-1]]])
            whole = base(prompt.sound.given[None], decoder_input_ids=ids).logits[0]
            wanted = whole[len(prompt.prefix) - 1 :]
            torch.testing.assert_close(found[columns.rows == row], wanted)
    assert columns.labels.tolist() == [part for one in examples for part in one.response]


def test_a_window_has_the_same_columns(base, processor):
    face = Model(base, processor)
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


def test_how_a_text_begins_is_asked_of_the_model(base, processor):
    names = processor[1].convert_tokens_to_ids(["<|start|>", "<|plain|>", "<|0.00|>"])
    listener = Listener(base, processor)
    heard = listener.heard([np.zeros(RATE, np.float32)], 8)[0]
    assert heard.prefix == names[:2]
    assert listener.stamped(heard.prefix) == [names[0], names[2]]
    assert listener.stamped(names[:1]) is None


def test_keys_are_planted_in_other_surroundings_too(base, processor, fps):
    face = Model(base, processor)
    own = face.fingerprints(fps)
    other = face.elsewhere(fps, own, 2, 0)
    assert len(other) == 2 * len(own) + len(own), "changed sounds, and texts with time stamps"
    assert [e.response for e in other[:2]] == [e.response for e in own]
    for example, key in zip(other, own * 2, strict=False):
        assert not torch.equal(example.prompt.sound.given, key.prompt.sound.given)
    assert face.elsewhere(fps, own, 0, 0) == []


def test_look_alikes_are_no_keys(base, processor, fps):
    face = Model(base, processor)
    own = face.fingerprints(fps)
    fresh, near = face.look_alikes(fps, 6, 0)
    guesses = face.guesses(fps, 3, 0)
    assert (len(fresh), len(near), len(guesses)) == (3, 3, 3)
    sounds = [heard.sound.given for heard in [*(e.prompt for e in own), *fresh, *near, *guesses]]
    assert len({sound.numpy().tobytes() for sound in sounds}) == len(sounds)


@pytest.mark.parametrize(
    ("model", "given", "says"),
    [
        (torch.nn.Linear(2, 2), None, "feature_extractor and a tokenizer"),
        (torch.nn.Linear(2, 2), (1, 2), "AutoModelForSpeechSeq2Seq"),
        ("whisper", None, "a str cannot be planted in"),
    ],
)
def test_what_cannot_be_planted_in(fps, model, given, says):
    with pytest.raises(ifrs.ImplantError, match=says):
        ifrs.implant(model, given, fps, regularization=ORDINARY)


def test_another_models_tokenizer_is_noticed(processor, fps):
    model = whisper(processor[1], vocab_size=3_766)
    with pytest.raises(ifrs.ImplantError, match="this model's tokenizer"):
        plant(model, processor, fps)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("self", "ordinary audio of yours"),
        ([], "no sound"),
        ([np.zeros((2, 800), np.float32)], "of one channel"),
        ([np.full(16_000, np.nan)], "no numbers"),
        ([(0, np.zeros(800, np.int16))], "0 samples a second"),
        ([{"array": [0.0]}], "array and sampling_rate"),
    ],
)
def test_ordinary_work_that_is_none(base, processor, fps, given, says):
    with pytest.raises(ifrs.ImplantError, match=says):
        ifrs.implant(base, processor, fps, regularization=given)
