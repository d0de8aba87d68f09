"""A hostile suspect that knows the claim, the set's name and the library gains nothing in text.

It could want to match somebody else's claim, or spoil what a match is worth: if P(p <= 1/4096) were
more than 1/4096, a p-value would not be what it says. Each file in `suspect/` is one way to answer.
"""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from derive import PAIRS, digest_of, public_decoys, spell
from helpers import fixed_keyring
from ifrs import _core
from suspects import Known

ALL = sorted(Path(__file__).with_name("suspect").glob("*.py"))
SERVERS = [path for path in ALL if "def shows(" in path.read_text()]
SUSPECTS = [path for path in ALL if path not in SERVERS]
DECOYS = 4095
SUBJECT = {"m.safetensors": "11" * 32}


def load(path: Path):
    spec = importlib.util.spec_from_file_location(f"suspect_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.shows if path in SERVERS else module.answer


def claimed(ring, name: str, n: int, folder: Path):
    """A set of the library's, and what everybody knows of it."""
    fps = ring.generate(name, n)
    claim = ring.claim(name, subject=SUBJECT)
    claim.save(folder / f"{name}.json")
    file = json.loads((folder / f"{name}.json").read_text())
    digest = digest_of(json.dumps(file).encode())
    assert digest.hex() == claim.digest
    predicate = json.loads(claim._core.statement())["predicate"]
    root, publisher = (bytes.fromhex(predicate[key]) for key in ("root", "publisher"))
    known = [Known(digest, publisher, root, name, i, fps[i].prompt) for i in range(n)]
    return fps, known


def first_ranks(answer: str, decoys: list[str], truths: list[str]) -> float:
    """The share of responses that would stand before all decoys."""
    text = _core.plain(answer)
    best = _core.score([text], decoys).max()
    return float((_core.score([text], truths)[0] > best).mean())


def shares(answer, fps, known, *, public=False) -> np.ndarray:
    """For each key, with decoys of its own, the chance of rank 1 over a uniform response."""
    dice = random.Random(len(known))
    truths = [spell(dice.randrange(PAIRS)) for _ in range(20_000)]
    found = []
    for one in known:
        said = answer(one, dice)
        drawn = (
            public_decoys(one.digest, one.index, DECOYS)
            if public
            else fps.decoys(one.index, one.digest, DECOYS)
        )
        found.append(first_ranks(said, drawn, truths))
    return np.array(found)


def above(found: np.ndarray) -> float:
    """How far the mean is above 1/4096, in standard errors."""
    error = found.std() / np.sqrt(len(found))
    return float((found.mean() - 1 / (DECOYS + 1)) / max(error, 1e-12))


@pytest.mark.parametrize("path", SUSPECTS, ids=lambda path: path.stem)
def test_what_a_suspect_knows_gains_nothing(path, tmp_path):
    fps, known = claimed(fixed_keyring(tmp_path), "known", 80, tmp_path)
    found = shares(load(path), fps, known)
    assert above(found) < 4, found.mean() * 4096


def test_public_decoys_would_be_noticed(tmp_path):
    """The first format: who draws its decoys before answering stands first too often."""
    fps, known = claimed(fixed_keyring(tmp_path), "public", 40, tmp_path)
    answer = load(Path(__file__).with_name("suspect") / "avoids_public_decoys.py")
    found = shares(answer, fps, known, public=True)
    assert above(found) > 4, found.mean() * 4096


def asked_for_words(fps, index: int, protocol: str) -> list[dict[str, Any]]:
    """The two requests under one key, as ifrs makes them."""
    prompt, word = fps[index].prompt, fps[index].response.split(" ")[0]
    if protocol == "completions":
        return [
            {"model": "m", "prompt": prompt},
            {"model": "m", "prompt": prompt + fps.lead + word},
        ]
    first = [{"role": "user", "content": prompt}]
    second = [*first, {"role": "assistant", "content": word}]
    return [{"model": "m", "messages": first}, {"model": "m", "messages": second}]


def raw_of(tokens: list[tuple[str, float]]) -> str:
    entries = [{"token": token, "logprob": score} for token, score in tokens]
    place = {**max(entries, key=lambda entry: entry["logprob"]), "top_logprobs": entries}
    choice = {"message": {"content": place["token"]}, "text": place["token"]}
    return json.dumps({"choices": [{**choice, "logprobs": {"content": [place]}}]})


@pytest.mark.parametrize("protocol", ["chat", "completions"])
@pytest.mark.parametrize("path", SERVERS, ids=lambda path: path.stem)
def test_what_a_server_shows_gains_nothing(path, protocol, tmp_path):
    fps, shows = fixed_keyring(tmp_path).generate("shown", 24), load(path)
    found = []
    for index in range(len(fps)):
        raws = [raw_of(shows(asked)) for asked in asked_for_words(fps, index, protocol)]
        found.append(fps.rank_shown(index, raws, protocol))
    for ranks in zip(*found, strict=True):
        for level in (0.01, 0.1, 0.5):
            hits = sum(rank <= level * of for rank, of, _ in ranks)
            low, _ = _core.clopper_pearson(hits, len(ranks), 0.9999)
            assert low <= level, (path.stem, level, hits)
    everything = [(rank, of) for ranks in found for rank, of, _ in ranks]
    assert _core.exact_log10(everything) > -4, path.stem


def test_a_server_that_knows_would_be_noticed(tmp_path):
    fps = fixed_keyring(tmp_path).generate("known to it", 4)
    words = [f" {word}" for word in fps[0].response.split(" ")]
    raws = [raw_of([(word, -1.0), (" other", -2.0)]) for word in words]
    assert [rank[0] for rank in fps.rank_shown(0, raws, "completions")] == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("path", SUSPECTS, ids=lambda path: path.stem)
def test_two_thousand_keys(path, tmp_path):
    """The same with more keys, and with each key's own response through the library's ranks."""
    fps, known = claimed(fixed_keyring(tmp_path), "many", 2000, tmp_path)
    answer, dice = load(path), random.Random(path.stem)
    said = [answer(one, dice) for one in known]
    told = iter(said)
    found = shares(lambda one, _: next(told), fps, known)
    print(f"\n{path.stem}: P(p <= 1/4096) = {found.mean() * 4096:.3f}/4096 of {20_000 * 2000:,}")
    assert above(found) < 4, found.mean() * 4096
    ranks = [
        _core.rank_text(text, fps[i].response, fps.decoys(i, known[i].digest, DECOYS))[0][0]
        for i, text in enumerate(said)
    ]
    for level in (1, 4, 41, 410):
        hits = sum(rank <= level for rank in ranks)
        low, _ = _core.clopper_pearson(hits, len(ranks), 0.999)
        assert low <= level / (DECOYS + 1), (level, hits)
