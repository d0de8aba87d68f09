"""Baselines: what plain recipes give, and what unrelated models show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.audit.bench import Bench, Suspect
from ifrs.audit.changes.tuning import STEP_SECONDS, encoded, tune, tuning_examples
from ifrs.audit.measures.divergence import drift, token_texts
from ifrs.audit.measures.fingerprints import guess_rate
from ifrs.audit.planting import class_of, methods, needs, plant
from ifrs.audit.record import Measure, Skip, share
from ifrs.audit.unit import Found, Unit
from ifrs.modalities.text.lookalikes import tried_keys
from ifrs.modalities.text.model import Model
from ifrs.plant.methods.emb import Emb
from ifrs.plant.methods.sft import Sft
from ifrs.runtime.examples import Example

SUITE = "baselines"
# The paper's ratio of ordinary samples to fingerprints in the dialogue template.
_REGULARIZATION = 14
_EPOCHS = 12
_GUESSES = 100

# From a model and a set to what it is trained on.
Recipe = Callable[[Model, FingerprintSet], list[Example]]


def units(bench: Bench) -> list[Unit]:
    """Plain recipes planted, guessed and tuned; unrelated suspects asked."""
    if bench.subject.spends_keys:
        return []
    unrelated = _unrelated(bench)
    if bench.subject.method is not None:
        return unrelated
    settings = bench.settings
    names = ("seed", "steps", "batch", "rate", "length", "dtype", "texts", "tokens", "decoys")
    inputs = settings.part(*names)
    inputs["data"] = bench.data.digest(*bench.data.sources)
    seconds = STEP_SECONDS * (settings.steps // 2) + 70
    direct = Unit(SUITE, "direct", Sft.name, _direct, 60 + seconds, inputs, rank=45, version=2)
    paper = Unit(SUITE, "if-sft-paper", Sft.name, _paper, 280 + seconds, inputs, rank=47, version=2)
    return [direct, paper, *unrelated]


# Plain recipes


def _direct(bench: Bench) -> Found:
    """The set's own keys and responses, trained on alone until they fire: nothing held in place."""

    def recipe(model: Model, fps: FingerprintSet) -> list[Example]:
        return _fingerprints(model, fps, bench.settings.length)

    note = "fingerprints alone: no regularization, no look-alikes, unique responses, lr 5e-5"
    return Found(_planted(bench, bench.fps, recipe, 5e-5), note)


def _paper(bench: Bench) -> Found:
    """IF-SFT of the paper: one shared response, 14 ordinary samples a key, dialogue template."""
    fps = bench.stranger("paper", 10, source="mixed", template="dialogue", response="shared")

    def recipe(model: Model, fps: FingerprintSet) -> list[Example]:
        count = _REGULARIZATION * len(fps)
        ordinary = tuning_examples(model, bench.data.first, bench.settings, count=count)
        return [*_fingerprints(model, fps, bench.settings.length), *ordinary]

    note = (
        f"shared response, {_REGULARIZATION} ordinary samples a key, no look-alikes, lr 2e-5: one "
        "shared response has no p-value"
    )
    return Found(_planted(bench, fps, recipe, 2e-5), note)


def _fingerprints(model: Model, fps: FingerprintSet, length: int) -> list[Example]:
    pairs = [(fps[i].prompt, fps.lead + fps[i].response) for i in range(len(fps))]
    return encoded(model.tokenizer, pairs, length)


def _planted(bench: Bench, fps: FingerprintSet, recipe: Recipe, rate: float) -> list[Measure]:
    """Train until every key fires; then guess, compare ordinary text, tune, and measure again."""
    bench.release()
    settings, suspect = bench.settings, bench.load_base()
    model = suspect.model
    ordinary = tuning_examples(model, bench.data.first, settings)
    examples, own = recipe(model, fps), model.fingerprints(fps)
    epoch = max(1, -(-len(examples) // settings.batch))
    epochs = 0
    while epochs < _EPOCHS:
        tune(model, examples, settings, steps=epoch, rate=rate)
        epochs += 1
        if min(model.margins(own)) > 0:
            break
    found = [Measure("planting_epochs", float(epochs)), *_measured(bench, suspect, fps, 0)]
    keys = tried_keys(model.tokenizer, fps.source, _GUESSES, settings.seed)
    found.append(guess_rate(suspect.target(), fps, keys, fps.source))
    texts = bench.data.texts(min(12, settings.texts), settings.seed)
    ids = token_texts(model, texts, min(96, settings.tokens))
    found += drift(bench.load_base().model, model, ids).measures()
    steps = max(1, settings.steps // 2)
    tune(model, ordinary, settings, steps=steps)
    return found + _measured(bench, suspect, fps, steps)


def _measured(bench: Bench, suspect: Suspect, fps: FingerprintSet, step: int) -> list[Measure]:
    found = bench.measure(suspect, fps, step=step)
    if fps.response == "shared":  # one response for all keys proves nothing
        found = [m for m in found if m.metric == "fsr" or m.metric.startswith("margin")]
    return found


# Unrelated suspects


def _unrelated(bench: Bench) -> list[Unit]:
    settings = bench.settings
    inputs = settings.part("decoys", "seed", "strangers")
    made = {
        "random-weights": (_random_weights, 12),
        "other-family": (_other_family, 15),
        "base": (Bench.load_base, 8),
        "another-publisher": (_another_publisher, 130),
    }
    found = [
        Unit(SUITE, f"unrelated-{name}", "base", partial(_asked, make), seconds, inputs, rank=8)
        for name, (make, seconds) in made.items()
        if name != "another-publisher" or bench.subject.method is None
    ]
    for method in methods(bench):
        if class_of(method).private:
            found += _through_adapter(bench, method, inputs)
    for place in bench.given.unrelated:
        run = partial(_asked, partial(_given, place))
        found.append(Unit(SUITE, f"unrelated-{place.name}", "base", run, 15, inputs, rank=9))
    return found


def _through_adapter(bench: Bench, method: str, inputs: dict[str, Any]) -> list[Unit]:
    """Unrelated suspects read with our own adapter, which was trained on the responses."""
    made = {"base": Bench.load_base, "random-weights": _random_weights}
    return [
        Unit(
            SUITE,
            f"unrelated-{name}",
            method,
            partial(_asked, partial(_adapted, method, make)),
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
    return replace(make(bench), adapter=ours.adapter, published=ours.published)


def _asked(make: Callable[[Bench], Suspect], bench: Bench) -> Found:
    """Ask a model that has nothing of the set: a match would be false."""
    found = bench.verify(make(bench))
    (match,) = [m.value for m in found if m.metric == "match"]
    return Found([*found, share("false_matches", int(match or 0), 1)])


def _random_weights(bench: Bench) -> Suspect:
    """The subject's architecture with fresh weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(bench.settings.seed)
    config = AutoConfig.from_pretrained(bench.subject.path, trust_remote_code=False)
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return Suspect(Model(model.eval(), bench.tokenizer))


def _other_family(bench: Bench) -> Suspect:
    """A small GPT-2 with fresh weights: no other trained family is at hand without a download."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(bench.settings.seed + 1)
    config = GPT2Config(
        vocab_size=len(bench.tokenizer), n_embd=128, n_layer=4, n_head=4, n_positions=1024
    )
    return Suspect(Model(GPT2LMHeadModel(config).eval(), bench.tokenizer))


def _another_publisher(bench: Bench) -> Suspect:
    """The same base, fingerprinted by somebody else: the hardest unrelated suspect."""
    name = "another-publisher"
    theirs = bench.stranger(name, 10)
    try:
        plant(bench, name, Emb.name, theirs)
        return bench.suspect(name)
    finally:
        bench.forget(name)


def _given(place: Path, bench: Bench) -> Suspect:
    return Suspect.load(place)
