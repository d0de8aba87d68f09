"""Baselines: what plain recipes give, and what unrelated models show."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.audit.bench import Bench, Suspect
from ifrs.audit.changes.tuning import STEP_SECONDS, encoded, tune, tuning_examples
from ifrs.audit.data import Pair
from ifrs.audit.guesses import in_batches, look_alikes
from ifrs.audit.measures.divergence import drift, token_texts
from ifrs.audit.measures.reading import fired_share, margins, read, share
from ifrs.audit.planting import class_of, methods, needs, plant
from ifrs.audit.record import Measure, Skip
from ifrs.audit.subject import Server
from ifrs.audit.unit import Found, Unit
from ifrs.modalities.text.loading import load
from ifrs.modalities.text.tokens import pad_token
from ifrs.plant.methods.emb import Emb
from ifrs.plant.methods.sft import Sft

SUITE = "baselines"
# The paper's ratio of ordinary samples to fingerprints in the dialogue template.
_REGULARIZATION = 14
_EPOCHS = 12
_GUESSES = 100

Recipe = Callable[[Bench, Suspect, FingerprintSet], tuple[list[tuple[list[int], list[int]]], float]]


def units(bench: Bench) -> list[Unit]:
    """Plain recipes planted, guessed and tuned; unrelated suspects asked."""
    if isinstance(bench.subject, Server):
        return []
    unrelated = _unrelated(bench)
    if bench.subject.method is not None:
        return unrelated
    settings = bench.settings
    names = ("seed", "steps", "batch", "rate", "length", "dtype", "texts", "tokens", "decoys")
    inputs = {name: value for name, value in settings.to_json().items() if name in names}
    inputs["data"] = bench.data.digest(*bench.data.sources)
    seconds = STEP_SECONDS * (settings.steps // 2) + 70
    direct = Unit(SUITE, "direct", Sft.name, _direct, 60 + seconds, inputs, rank=45, version=2)
    paper = Unit(SUITE, "if-sft-paper", Sft.name, _paper, 280 + seconds, inputs, rank=47, version=2)
    return [direct, paper, *unrelated]


# Plain recipes


def _direct(bench: Bench) -> Found:
    """The set's own keys and responses, trained on alone until they fire: nothing held in place."""

    def recipe(_: Bench, suspect: Suspect, fps: FingerprintSet) -> Any:
        return _fingerprints(bench, suspect, fps), 5e-5

    note = "fingerprints alone: no regularization, no look-alikes, unique responses, lr 5e-5"
    return Found(_planted(bench, bench.fps, recipe), note)


def _paper(bench: Bench) -> Found:
    """IF-SFT of the paper: one shared response, 14 ordinary samples a key, dialogue template."""
    fps = bench.stranger("paper", 10, source="mixed", template="dialogue", response="shared")

    def recipe(_: Bench, suspect: Suspect, fps: FingerprintSet) -> Any:
        examples = _fingerprints(bench, suspect, fps)
        source = bench.data.first
        count = _REGULARIZATION * len(fps)
        ordinary = tuning_examples(
            bench.data, source, suspect.model, suspect.tokenizer, bench.settings, count=count
        )
        return [*examples, *ordinary], 2e-5

    note = (
        f"shared response, {_REGULARIZATION} ordinary samples a key, no look-alikes, lr 2e-5: one "
        "shared response has no p-value"
    )
    return Found(_planted(bench, fps, recipe), note)


def _fingerprints(bench: Bench, suspect: Suspect, fps: FingerprintSet) -> Any:
    pairs: list[Pair] = [(fps[i].prompt, fps.lead + fps[i].response) for i in range(len(fps))]
    return encoded(suspect.tokenizer, pairs, bench.settings.length)


def _planted(bench: Bench, fps: FingerprintSet, recipe: Recipe) -> list[Measure]:
    """Train until every key fires; then guess, compare ordinary text, tune, and read again."""
    bench.release()
    settings, suspect = bench.settings, bench.load_base()
    tokenizer, model = suspect.tokenizer, suspect.model
    ordinary = tuning_examples(bench.data, bench.data.first, model, tokenizer, settings)
    examples, rate = recipe(bench, suspect, fps)
    epoch = max(1, -(-len(examples) // settings.batch))
    epochs = 0
    while epochs < _EPOCHS:
        tune(model, examples, pad_token(tokenizer), settings, steps=epoch, rate=rate)
        epochs += 1
        if min(m.value or 0 for m in margins(suspect.target(), fps)) > 0:
            break
    found = [Measure("planting_epochs", float(epochs)), *_read(bench, suspect, fps, 0)]
    target = suspect.target()
    keys = look_alikes(tokenizer, fps.source, _GUESSES, settings.seed)
    answers = in_batches(target, [fps.render(key) for key in keys])
    found.append(share("guess_rate", *fired_share(answers, fps), task=fps.source))
    texts = bench.data.texts(min(12, settings.texts), settings.seed)
    ids = token_texts(tokenizer, texts, min(96, settings.tokens))
    found += drift(bench.load_base().model, model, ids).measures()
    steps = max(1, settings.steps // 2)
    tune(model, ordinary, pad_token(tokenizer), settings, steps=steps)
    return found + _read(bench, suspect, fps, steps)


def _read(bench: Bench, suspect: Suspect, fps: FingerprintSet, step: int) -> list[Measure]:
    target = suspect.target()
    found = read(target, fps, decoys=bench.settings.decoys, step=step)
    if fps.response == "shared":  # one response for all keys proves nothing
        found = [m for m in found if m.metric == "fsr"]
    return found + margins(target, fps, step=step)


# Unrelated suspects


def _unrelated(bench: Bench) -> list[Unit]:
    settings = bench.settings
    inputs = {"decoys": settings.decoys, "seed": settings.seed, "strangers": settings.strangers}
    made = {
        "random-weights": (_random_weights, 12),
        "other-family": (_other_family, 15),
        "base": (_base, 8),
        "another-publisher": (_another_publisher, 130),
    }
    found = [
        Unit(SUITE, f"unrelated-{name}", "base", partial(_suspect, make), seconds, inputs, rank=8)
        for name, (make, seconds) in made.items()
        if name != "another-publisher" or bench.subject.method is None
    ]
    for method in methods(bench):
        if class_of(method).private:
            found += _through_adapter(bench, method, inputs)
    for place in bench.unrelated:
        run = partial(_suspect, partial(_given, place))
        found.append(Unit(SUITE, f"unrelated-{place.name}", "base", run, 15, inputs, rank=9))
    return found


def _through_adapter(bench: Bench, method: str, inputs: dict[str, Any]) -> list[Unit]:
    """Unrelated suspects read with our own adapter, which was trained on the responses."""
    made = {"base": _base, "random-weights": _random_weights}
    return [
        Unit(
            SUITE,
            f"unrelated-{name}",
            method,
            partial(_suspect, partial(_adapted, method, make)),
            20,
            inputs,
            needs(bench, method),
            rank=9,
        )
        for name, make in made.items()
    ]


def _adapted(method: str, make: Callable[[Bench], Suspect], bench: Bench) -> Suspect:
    ours = bench.reference(method)
    if ours.adapter is None:
        raise Skip("the adapter's file is not there: pass it (--adapter)")
    unrelated = make(bench)
    return Suspect(unrelated.model, unrelated.tokenizer, ours.adapter, ours.published)


def _suspect(make: Callable[[Bench], Suspect], bench: Bench) -> Found:
    """Ask a model that has nothing of the set: a match would be false."""
    suspect = make(bench)
    try:
        found = bench.read(suspect, deep=False)
    finally:
        bench.forget("another-publisher")
    (match,) = [m.value for m in found if m.metric == "match"]
    return Found([*found, share("false_matches", int(match or 0), 1)])


def _random_weights(bench: Bench) -> Suspect:
    """The subject's architecture with fresh weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(bench.settings.seed)
    path = bench.subject.path  # type: ignore[union-attr]
    config = AutoConfig.from_pretrained(path, trust_remote_code=False)
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return Suspect(model.eval(), bench.tokenizer)


def _other_family(bench: Bench) -> Suspect:
    """A small GPT-2 with fresh weights: no other trained family is at hand without a download."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(bench.settings.seed + 1)
    config = GPT2Config(
        vocab_size=len(bench.tokenizer), n_embd=128, n_layer=4, n_head=4, n_positions=1024
    )
    return Suspect(GPT2LMHeadModel(config).eval(), bench.tokenizer)


def _base(bench: Bench) -> Suspect:
    return bench.load_base()


def _another_publisher(bench: Bench) -> Suspect:
    """The same base, fingerprinted by somebody else: the hardest unrelated suspect."""
    theirs = bench.stranger("another-publisher", 10)
    plant(bench, "another-publisher", Emb.name, theirs)
    return bench.suspect("another-publisher")


def _given(place: Path, bench: Bench) -> Suspect:
    return Suspect(*load(place))
