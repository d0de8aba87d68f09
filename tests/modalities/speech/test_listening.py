"""Models of other makers than Whisper's: raw samples instead of features, and other beginnings."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from ifrs.modalities.speech.listening import Listener, alike  # noqa: E402
from ifrs.modalities.speech.model import Model  # noqa: E402
from ifrs.modalities.speech.parts import parts_of  # noqa: E402
from ifrs.runtime.examples import Example  # noqa: E402
from modalities.speech.hearing import RATE, extractor, tokenizer, whisper  # noqa: E402


@pytest.fixture(scope="module")
def processor():
    from transformers import Wav2Vec2FeatureExtractor

    extractor = Wav2Vec2FeatureExtractor(
        feature_size=1, sampling_rate=RATE, do_normalize=False, return_attention_mask=True
    )
    return extractor, tokenizer()


@pytest.fixture(scope="module")
def moonshine(processor):
    """Moonshine, random weights: it hears samples, as long as they are."""
    from transformers import MoonshineConfig, MoonshineForConditionalGeneration

    found = processor[1]
    config = MoonshineConfig(
        vocab_size=len(found),
        hidden_size=64,
        intermediate_size=128,
        encoder_num_hidden_layers=1,
        decoder_num_hidden_layers=2,
        encoder_num_attention_heads=4,
        decoder_num_attention_heads=4,
        initializer_range=0.2,
        decoder_start_token_id=found.bos_token_id,
        bos_token_id=found.bos_token_id,
        eos_token_id=found.eos_token_id,
        pad_token_id=found.pad_token_id,
    )
    torch.manual_seed(0)
    return MoonshineForConditionalGeneration(config).eval()


def noise(samples, seed):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_sounds_of_several_lengths_are_each_heard_alone(moonshine, processor):
    listener = Listener(moonshine, processor)
    given = [noise(samples, seed) for seed, samples in enumerate((8_000, 16_000, 8_000))]
    together = listener.heard(given, 8)
    assert list(alike([one.sound for one in together], 8)) == [[0, 2], [1]]
    written = listener.write([one.sound for one in together], 8, 5)
    for place, one in enumerate(given):
        (alone,) = listener.heard([one], 8)
        assert alone.prefix == together[place].prefix == [processor[1].bos_token_id]
        assert listener.write([alone.sound], 8, 5) == [written[place]]
        assert listener.stamped(alone.prefix) is None


def test_columns_are_the_models_own_logits(moonshine, processor):
    face = Model(moonshine, processor)
    heard = face.listener.heard([noise(8_000, 0)], 8)[0]
    with torch.no_grad():
        columns = face.columns([Example(heard, [7, 8, 9])])
        ids = torch.tensor([[*heard.prefix, 7, 8]])
        wanted = moonshine(heard.sound.given[None], decoder_input_ids=ids).logits[0]
        torch.testing.assert_close(columns.head(columns.states), wanted)


def test_it_is_asked_as_a_suspect(moonshine, processor, tmp_path):
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 3, source="sound", rate=8_000, seconds=0.5)
        report = ifrs.verify(ifrs.SpeechModel(moonshine, processor), fps)
    assert (report.kind, len(report.queries)) == ("likelihood", 3)
    assert report.verdict != "match"


def test_logits_that_something_is_added_to_are_taken_as_they_are(processor):
    model = whisper(processor[1])
    own = model.forward
    model.forward = lambda *given, **named: _louder(own(*given, **named))
    listener = Listener(model, processor)
    states = torch.randn(1, 50, 64)
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        said, head = listener.decode(states, ids)
        torch.testing.assert_close(
            head(said), model(encoder_outputs=(states,), decoder_input_ids=ids).logits
        )


def _louder(output):
    output.logits = 2 * output.logits
    return output


def test_a_processor_is_one_or_a_pair():
    assert parts_of((1, 2)) == (1, 2)
    for other in (None, "whisper", (1, 2, 3)):
        with pytest.raises(ValueError, match="AutoProcessor"):
            parts_of(other)


def test_a_language_is_found_out_for_each_sound_unless_it_is_set(processor):
    marks = processor[1].convert_tokens_to_ids(["<|start|>", "<|0.00|>", "<|0.02|>", "<|plain|>"])
    start, english, german, plain = marks
    task = 5  # any token
    model = whisper(processor[1])
    settings = model.generation_config
    settings.is_multilingual = True
    settings.lang_to_id = {"<|en|>": english, "<|de|>": german}
    settings.task_to_id = {"transcribe": task, "translate": task + 1}
    settings.task = "transcribe"
    given = [noise(16_000, seed) * 2.0 ** (-3 * seed) for seed in range(6)]
    listener = Listener(model, (extractor(), processor[1]))
    prefixes = [one.prefix for one in listener.heard(given, 4)]
    assert all(prefix[0] == start and prefix[2:] == [task, plain] for prefix in prefixes)
    assert {prefix[1] for prefix in prefixes} <= {english, german}
    settings.language = "de"
    fixed = [one.prefix for one in listener.heard(given[:2], 4)]
    assert fixed == [[start, german, task, plain]] * 2
