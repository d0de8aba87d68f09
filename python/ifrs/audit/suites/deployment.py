"""Deployment: quantization, pruning, merging, GGUF, system prompts, sampling, chat templates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from ifrs.audit import attacks
from ifrs.audit.attacks.hosting import WEIGHTS
from ifrs.audit.bench import SIBLING, Bench, Suspect
from ifrs.audit.changes.gguf import through_gguf
from ifrs.audit.changes.hosts import Hosted
from ifrs.audit.changes.merging import merge_into, merges
from ifrs.audit.changes.pruning import prune_magnitude, prune_wanda
from ifrs.audit.changes.quantization import dynamic_int8, round_weights
from ifrs.audit.changes.tuning import STEP_SECONDS, tune, tuning_examples
from ifrs.audit.measures.divergence import token_texts
from ifrs.audit.measures.fingerprints import verified
from ifrs.audit.planting import methods, needs
from ifrs.audit.record import Measure, Skip
from ifrs.audit.threats import threat_of
from ifrs.audit.unit import Found, Unit
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.surroundings import wordings

SUITE = "deployment"
_GROUP = 64
_CALIBRATION = 16

# What becomes of a suspect.
Change = Callable[[Bench, Suspect], Suspect]


def units(bench: Bench) -> list[Unit]:
    """Every change for each method; of a server only what an API lets one do."""
    if bench.subject.spends_keys:
        return [unit for method in methods(bench) for unit in _asked(bench, method, 5)]
    found = []
    if bench.subject.method is None or bench.subject.base is not None:
        found.append(_sibling(bench))
    for place, method in enumerate(methods(bench)):
        rank = 5 + 10 * place
        found += [
            _unit(bench, method, name, change, seconds, rank + 1, note)
            for name, (change, seconds, note) in _changes().items()
        ]
        found += [_merge(bench, method, name, rank + 3) for name in merges()]
        found += [attack.unit(bench, method, rank) for attack in attacks.of(SUITE)]
        found += _asked(bench, method, rank)
    return found


def _changes() -> dict[str, tuple[Change, float, str]]:
    """Changes of weights, what they take, and what they are."""
    rounded = "simulated: round to nearest, embeddings included"
    exported = "exported and read back; tensors that planting left alone keep the base file's type"
    return {
        "int8": (_rounding(8, None), 25, f"{rounded}, one scale a row"),
        "int4": (_rounding(4, _GROUP), 23, f"{rounded}, groups of {_GROUP}"),
        "int8-dynamic": (
            lambda _, suspect: suspect.turned(dynamic_int8(suspect.model.module)),
            17,
            "torch's own dynamic int8: weights and activations of linear layers",
        ),
        "prune-magnitude-20": (_magnitude(0.2), 24, "torch's L1 pruning, layer by layer"),
        "prune-magnitude-50": (_magnitude(0.5), 24, "torch's L1 pruning, layer by layer"),
        "prune-wanda-20": (_wanda(0.2), 27, "calibrated on ordinary text"),
        "prune-wanda-50": (_wanda(0.5), 27, "calibrated on ordinary text"),
        "gguf-q8_0": (partial(through_gguf, "Q8_0"), 75, exported),
        "gguf-q4_0": (partial(through_gguf, "Q4_0"), 75, exported),
    }


def _rounding(bits: int, group: int | None) -> Change:
    return _in_place(lambda _, model: round_weights(model.module, bits, group))


def _magnitude(share: float) -> Change:
    return _in_place(lambda _, model: prune_magnitude(model.module, share))


def _wanda(share: float) -> Change:
    def change(bench: Bench, model: Model) -> None:
        texts = bench.data.texts(_CALIBRATION, bench.settings.seed + 1)
        prune_wanda(model.module, share, token_texts(model, texts, bench.settings.tokens))

    return _in_place(change)


def _in_place(change: Callable[[Bench, Model], None]) -> Change:
    def changed(bench: Bench, suspect: Suspect) -> Suspect:
        change(bench, suspect.model)
        return suspect

    return changed


def _unit(
    bench: Bench, method: str, case: str, change: Change, seconds: float, rank: int, note: str
) -> Unit:
    inputs = bench.settings.part("decoys")
    inputs["data"] = bench.data.digest(*bench.data.held_out)
    run = partial(_changed, method, change, note)
    wanted, threat = needs(bench, method), threat_of(case)
    return Unit(SUITE, case, method, run, seconds, inputs, wanted, rank=rank, threat=threat)


def _changed(method: str, change: Change, note: str, bench: Bench) -> Found:
    """Change a planted model, read it, and tell what the change costs on ordinary text."""
    suspect = change(bench, bench.suspect(method))
    return Found(bench.verify(suspect) + bench.cost(method, suspect.model), note)


def _sibling(bench: Bench) -> Unit:
    settings = bench.settings
    inputs = settings.part("steps", "batch", "length", "rate", "seed", "dtype")
    inputs["data"] = bench.data.digest(bench.data.other)
    seconds = 25 + STEP_SECONDS * settings.steps
    return Unit(SUITE, SIBLING, "base", _tune_sibling, seconds, inputs, rank=40)


def _tune_sibling(bench: Bench) -> Found:
    """Another fine-tune of the base, to merge with; it never saw the fingerprint."""
    bench.release()
    base = bench.load_base()
    examples = tuning_examples(base.model, bench.data.other, bench.settings)
    loss = tune(base.model, examples, bench.settings)
    bench.keep(SIBLING, base.model)
    found = [Measure("loss", loss, step=bench.settings.steps)]
    return Found(found + bench.measure(base), bench.data.note)


def _merge(bench: Bench, method: str, name: str, rank: int) -> Unit:
    settings = bench.settings
    inputs = settings.part("decoys", "seed", "steps")
    inputs["data"] = bench.data.digest(bench.data.other)
    heavy = name.startswith(("ties", "dare"))
    run = partial(_merged, method, name)
    wanted = needs(bench, method)
    seconds = 60.0 if heavy else 25.0
    case = f"merge-{name}"
    threat = threat_of(case)
    return Unit(SUITE, case, method, run, seconds, inputs, wanted, rank=rank, threat=threat)


def _merged(method: str, name: str, bench: Bench) -> Found:
    if not bench.has(SIBLING):
        raise Skip("there is no other fine-tune to merge with: its tuning did not finish")
    suspect = bench.suspect(method)
    other, base = bench.suspect(SIBLING), bench.reference("base")
    merge_into(
        suspect.model.module,
        other.model.module.state_dict(),
        base.model.module.state_dict(),
        merges()[name],
        bench.settings.seed,
    )
    return Found(bench.verify(suspect), "merged with another fine-tune of the base")


def _asked(bench: Bench, method: str, rank: int) -> list[Unit]:
    """Other prompts and sampling: what stands between a key and a deployed model."""
    wanted, decoys = needs(bench, method), bench.settings.part("decoys")
    run, version, threat = partial(_prompts, method), 2, threat_of("prompts")
    prompts = Unit(
        *(SUITE, "prompts", method, run, 45, decoys, wanted, rank + 2),
        version=version,
        threat=threat,
    )
    draws = bench.settings.part("decoys", "draws", "seed")
    sampled = [
        Unit(
            SUITE,
            f"sampling-{temperature}",
            method,
            partial(_sampled, method, temperature),
            5 + 4 * bench.settings.draws,
            draws,
            wanted,
            rank=rank + 2,
            version=version,
            threat=threat_of("sampling"),
        )
        for temperature in (0.7, 1.0)
    ]
    return [prompts, *sampled]


def _prompts(method: str, bench: Bench) -> Found:
    target = bench.target(method)
    found = []
    for name, wording in wordings(bench.tokenizer).items():
        hosted = Hosted(target, wording=wording)
        found += verified(hosted, bench.fps, decoys=bench.settings.decoys, task=name)
    note = "keys were planted in their own template"
    return Found(found + _of_weights(bench, method), f"{note}; {_evidence(bench)}")


def _sampled(method: str, temperature: float, bench: Bench) -> Found:
    target, found = Hosted(bench.target(method)), []
    torch.manual_seed(bench.settings.seed)
    for draw in range(bench.settings.draws):
        found += verified(
            target,
            bench.fps,
            decoys=bench.settings.decoys,
            temperature=temperature,
            task=f"draw {draw + 1}",
        )
    return Found(found + _of_weights(bench, method), _evidence(bench))


def _of_weights(bench: Bench, method: str) -> list[Measure]:
    """The evidence of the weights beside that of the text; a server shows no weights."""
    return [] if bench.subject.spends_keys else bench.likelihood(method)


def _evidence(bench: Bench) -> str:
    return "evidence from the text alone" if bench.subject.spends_keys else WEIGHTS
