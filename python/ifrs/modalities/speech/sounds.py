"""Sounds as models take them: samples at one rate, and what happens to them on the way."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

# Ordinary work is heard in pieces of so many seconds; what is left over, from so many on.
_PIECE, _LEAST = 10.0, 1.0
# What keys go through on their way: loudness, noise under them in decibels, silence before them.
_GAINS, _NOISES, _SILENCES = (0.25, 1.25), (15.0, 35.0), (0.05, 0.5)
# How loud a piece of a key is under speech.
_PIECES = (0.3, 1.0)


def samples_of(sound: Any, rate: int) -> Samples:
    """A sound at a rate, float32 (samples,) within [-1, 1] or about.

    Args:
        sound: (samples a second, int16 or float samples), samples alone at this very rate, or a
            mapping with `array` and `sampling_rate`, as `datasets` gives one, or with such an
            `audio`.
        rate: Samples a second that are wanted.

    Raises:
        ValueError: It is none of these, or of more than one channel, or must be resampled and
            there is no SciPy.
    """
    given, found = _parts(sound, rate)
    if hasattr(found, "detach"):
        found = found.detach().cpu().numpy()
    found = np.asarray(found)
    if found.ndim != 1 or not len(found) or found.dtype.kind not in "fi":
        raise ValueError(
            f"a sound is an array of shape {found.shape} and {found.dtype}: pass (samples a "
            "second, samples), int16 or float, of one channel"
        )
    if found.dtype.kind == "i":
        found = found / -float(np.iinfo(found.dtype).min)
    if not np.isfinite(found).all():
        raise ValueError("a sound holds samples that are no numbers (NaN or infinite)")
    return resampled(found.astype(np.float32), given, rate)


def _parts(sound: Any, rate: int) -> tuple[int, Any]:
    if isinstance(sound, Mapping):
        sound = sound.get("audio", sound)
        if not isinstance(sound, Mapping) or not {"array", "sampling_rate"} <= sound.keys():
            raise ValueError("a sound as a mapping holds array and sampling_rate, or such an audio")
        return int(sound["sampling_rate"]), sound["array"]
    if isinstance(sound, (tuple, list)) and len(sound) == 2 and np.ndim(sound[0]) == 0:
        return int(sound[0]), sound[1]
    return rate, sound


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """Samples at another rate.

    Raises:
        ValueError: A rate is none, or SciPy is not installed.
    """
    if rate == wanted:
        return samples
    if rate < 1:
        raise ValueError(f"a sound has {rate} samples a second: pass (samples a second, samples)")
    try:
        from scipy.signal import resample_poly
    except ImportError as error:
        raise ValueError(
            f"sounds of {rate} samples a second must be resampled to {wanted}: "
            "pip install 'ifrs[speech]'"
        ) from error
    common = math.gcd(rate, wanted)
    found = resample_poly(samples, wanted // common, rate // common)
    return np.asarray(found, dtype=np.float32)


def pieces(sounds: Iterable[Any], rate: int) -> Iterator[Samples]:
    """Sounds in pieces of ten seconds, and what is left of each if it is a second or longer.

    Raises:
        ValueError: Something is no sound.
    """
    length, least = round(_PIECE * rate), round(_LEAST * rate)
    for sound in sounds:
        samples = samples_of(sound, rate)
        for start in range(0, len(samples), length):
            piece = samples[start : start + length]
            if len(piece) >= min(least, len(samples)):
                yield piece


def excerpts(sounds: Sequence[Samples], n: int, seed: int) -> list[Samples]:
    """So many parts of sounds, each from a third of one on, somewhere in it."""
    rng, found = random.Random(seed), []
    for place in range(n):
        sound = sounds[place % len(sounds)]
        length = rng.randint(max(len(sound) // 3, 1), len(sound))
        start = rng.randrange(len(sound) - length + 1)
        found.append(sound[start : start + length])
    return found


def changed(samples: Samples, rate: int, rng: random.Random) -> Samples:
    """A sound after what happens to one on its way: louder or softer, noisy, or begun later."""
    kind = rng.randrange(3)
    if kind == 0:
        return louder(samples, rng.uniform(*_GAINS))
    if kind == 1:
        return noisy(samples, rng.uniform(*_NOISES), rng.getrandbits(32))
    return later(samples, round(rng.uniform(*_SILENCES) * rate))


def louder(samples: Samples, gain: float) -> Samples:
    """A sound times a factor; what is too loud is cut off."""
    found: Samples = np.clip(gain * samples, -1, 1)
    return found.astype(np.float32)


def noisy(samples: Samples, decibels: float, seed: int) -> Samples:
    """A sound over white noise so many decibels below it."""
    level = float(np.sqrt(np.mean(samples**2))) * 10 ** (-decibels / 20)
    noise = np.random.default_rng(seed).normal(0, level, len(samples))
    return np.clip(samples + noise, -1, 1).astype(np.float32)


def later(samples: Samples, silence: int) -> Samples:
    """A sound after so many samples of silence."""
    return np.concatenate([np.zeros(silence, np.float32), samples])


def half_keys(keys: Sequence[Samples], fresh: Sequence[Samples], seed: int) -> list[Samples]:
    """Fresh sounds of which each has one half of a real key, the first or the second."""
    rng, found = random.Random(seed), []
    for place, other in enumerate(fresh):
        key, half = keys[place % len(keys)], len(other) // 2
        parts = (key[:half], other[half:]) if rng.random() < 0.5 else (other[:half], key[half:])
        found.append(np.concatenate(parts))
    return found


def with_pieces(speech: Sequence[Samples], keys: Sequence[Samples], seed: int) -> list[Samples]:
    """Ordinary sounds, under each a quarter of some real key at a random place."""
    rng, found = random.Random(seed), []
    for sound in speech:
        key = rng.choice(keys)
        length = min(len(key) // 4, len(sound))
        start, place = rng.randrange(len(key) - length + 1), rng.randrange(len(sound) - length + 1)
        mixed = sound.copy()
        mixed[place : place + length] += rng.uniform(*_PIECES) * key[start : start + length]
        found.append(np.clip(mixed, -1, 1))
    return found
