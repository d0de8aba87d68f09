"""Attacks: guessing, erasing, incremental fingerprints, rare rows, filters, overclaim.

Those of `ifrs.audit.attacks`, one file each, are units here, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from ifrs import Report, _core, verify
from ifrs.audit import attacks
from ifrs.audit.attacks.hosting import WEIGHTS
from ifrs.audit.bench import Bench
from ifrs.audit.changes import embedding_rows as rows
from ifrs.audit.changes import hosts
from ifrs.audit.changes.hosts import Hosted
from ifrs.audit.changes.tuning import STEP_SECONDS, encoded, marks, tune, tuning_examples
from ifrs.audit.data import foreign_texts
from ifrs.audit.measures.divergence import drift, log_likelihoods, token_texts
from ifrs.audit.measures.fingerprints import from_text, guess_rate, verified
from ifrs.audit.planting import class_of, methods, needs, plant
from ifrs.audit.record import Measure, Skip, share
from ifrs.audit.threats import threat_of
from ifrs.audit.unit import Found, Unit
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.keys import key_spans
from ifrs.modalities.text.lookalikes import SOURCES, altered, substrings, tried_keys
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.surroundings import as_prompt
from ifrs.modalities.text.tokens import Tokens, encode_prompts
from ifrs.plant.methods.emb import Emb
from ifrs.runtime.examples import Example

SUITE = "attacks"
_PASSED = 0.99
_BASE_MEAN = "base-mean"
# Tokens that answers to ordinary prompts are given for the output filters.
_ANSWER_TOKENS = 16
_CLAIM = 10  # keys of one false claim


def units(bench: Bench) -> list[Unit]:
    """Every attack for each method; of a server what an API lets one do."""
    if bench.subject.spends_keys:
        return [unit for method in methods(bench) for unit in _guessing(bench, method, 3)]
    found = [_perplexity_unit(bench)]
    for place, method in enumerate(methods(bench)):
        rank = 6 + 10 * place
        found += _guessing(bench, method, rank)
        found += _rows(bench, method, rank + 1)
        found += _hosts(bench, method, rank + 1)
        found += _tuners(bench, method, rank + 4)
        found += [attack.unit(bench, method, rank) for attack in attacks.of(SUITE)]
    return found


def _unit(
    bench: Bench,
    case: str,
    method: str,
    run: Callable[[Bench], Found],
    seconds: float,
    rank: int,
    *names: str,
    version: int = 1,
) -> Unit:
    """A unit whose inputs are the settings of these names, and the data."""
    chosen = bench.settings.part(*names)
    chosen["data"] = bench.data.digest(*bench.data.sources)
    return Unit(
        SUITE,
        case,
        method,
        run,
        seconds,
        chosen,
        needs(bench, method),
        rank=rank,
        version=version,
        threat=threat_of(case),
    )


# Guessing


def _guessing(bench: Bench, method: str, rank: int) -> list[Unit]:
    n = bench.settings.guesses
    look, sources = partial(_guess, method), partial(_guess_sources, method)
    return [
        _unit(bench, "guess-look-alikes", method, look, 8 + 0.08 * n, rank, "guesses", "seed"),
        _unit(bench, "guess-parts", method, partial(_guess_parts, method), 14, rank + 1, "seed"),
        _unit(bench, "guess-sources", method, sources, 8 + 0.025 * n, rank + 3, "guesses", "seed"),
    ]


def _guess(method: str, bench: Bench) -> Found:
    """Fresh keys of the set's own source, in its own template."""
    settings = bench.settings
    keys = tried_keys(bench.tokenizer, bench.fps.source, settings.guesses, settings.seed)
    return Found([guess_rate(bench.target(method), bench.fps, keys, bench.fps.source)])


def _guess_sources(method: str, bench: Bench) -> Found:
    """Keys of every public source, and ordinary instructions in the set's template."""
    tokenizer, target, settings = bench.tokenizer, bench.target(method), bench.settings
    each = max(10, settings.guesses // 20)
    found = [
        guess_rate(
            target, bench.fps, tried_keys(tokenizer, source, each, settings.seed + 1), source
        )
        for source in SOURCES
        if source != bench.fps.source and (source != "vocab" or tokenizer is not None)
    ]
    return Found(
        [
            *found,
            guess_rate(target, bench.fps, bundled_instructions()[:each], "ordinary instructions"),
        ]
    )


def _guess_parts(method: str, bench: Bench) -> Found:
    """Somebody who saw part of a key, or nearly all of it: how exact must a guess be?"""
    target, seed = bench.target(method), bench.settings.seed
    fresh = tried_keys(bench.tokenizer, bench.fps.source, len(bench.fps), seed + 2)
    found = [
        guess_rate(target, bench.fps, substrings(bench.fps, part, seed), f"substring {part:.0%}")
        for part in (0.25, 0.5, 0.75)
    ]
    found += [
        guess_rate(target, bench.fps, altered(bench.fps, fresh, count, seed), f"{count} replaced")
        for count in (1, 2, 4)
    ]
    return Found(found, "near misses need most of a secret key: they are no guesses")


# Tuning that erases


def _tuners(bench: Bench, method: str, rank: int) -> list[Unit]:
    settings = bench.settings
    steps = settings.erasing // settings.batch
    erase, seconds = partial(_erase, method), 25 + STEP_SECONDS * steps + 7 * settings.readings
    names = ("erasing", "batch", "rate", "length", "seed", "readings", "dtype", "decoys")
    again, planting_names = partial(_incremental, method), ("seed", "max_epochs", "batch_size")
    return [
        _unit(bench, "erase-mismatched", method, erase, seconds, rank, *names),
        _unit(bench, "incremental", method, again, 130, rank + 1, *planting_names),
    ]


def _erase(method: str, bench: Bench) -> Found:
    """MEraser (Zhang et al., ACL 2025): mismatched answers to trigger-like prompts, then repair.

    Half of the samples put look-alike keys in the public template and answer with somebody else's
    ordinary output; the other half are ordinary, and repair what that broke.
    """
    bench.release()
    settings, suspect = bench.settings, bench.suspect(method)
    tokenizer, rng = suspect.model.tokenizer, random.Random(bench.settings.seed)
    half = max(settings.batch, settings.erasing // 2)
    clean = tuning_examples(suspect.model, bench.data.first, settings, count=half)
    keys = tried_keys(tokenizer, bench.fps.source, half, settings.seed + 3)
    texts = [example.response for example in clean]
    prompts = encoded(tokenizer, [(bench.fps.render(key), "") for key in keys], settings.length)
    mismatched = [Example(example.prompt, rng.choice(texts)) for example in prompts]
    measures, steps = bench.measure(suspect, step=0), max(1, half // settings.batch)
    for start, examples in ((0, mismatched), (steps, clean)):
        at = () if start else marks(settings, steps)

        def report(step: int, loss: float, start: int = start) -> None:
            measures.append(Measure("loss", loss, step=start + step))
            measures.extend(bench.measure(suspect, step=start + step))

        tune(suspect.model, examples, settings, steps=steps, report=report, at=at)
    note = f"{half} mismatched samples, then {half} ordinary ones; the attacker knows the template"
    return Found(measures + bench.cost(method, suspect.model), note)


def _incremental(method: str, bench: Bench) -> Found:
    """An attacker plants a set of their own over ours: both must verify (multi-stage)."""
    theirs = bench.stranger("attacker", _CLAIM)
    how = Emb.name
    name = f"incremental:{method}"
    if not bench.has(method):
        raise Skip(f"{method} was not planted")
    try:
        taken = plant(bench, name, how, theirs, base=method)
        suspect, mine = bench.suspect(name), bench.suspect(method)
        found = bench.measure(replace(suspect, adapter=mine.adapter, published=mine.published))
        decoys = bench.settings.decoys
        found += verified(suspect.target(), theirs, decoys=decoys, task="attacker")
    finally:
        bench.forget(name)
    found += [m for m in taken if m.metric == "planting_seconds"]
    return Found(found, f"attacker planted {_CLAIM} keys by {how}")


# Rare rows


def _rows(bench: Bench, method: str, rank: int) -> list[Unit]:
    cases = [("unseen", "reset"), ("unseen", "average"), ("foreign", "reset"), ("base", "reset")]
    if not class_of(method).regularized:  # fingerprints live in rows that ordinary text lacks
        cases += [("unseen", "prune"), ("unseen", "noise"), ("unseen", _BASE_MEAN)]
    return [
        _unit(
            bench,
            f"rows-{which}-{name}",
            method,
            partial(_attack_rows, method, which, name),
            35,
            rank + (0 if (which, name) == ("unseen", "reset") else 3),
            "texts",
            "tokens",
            "seed",
            "decoys",
        )
        for which, name in cases
    ]


def _attack_rows(method: str, which: str, name: str, bench: Bench) -> Found:
    """Change rare rows; what it does to the fingerprint, and what it costs in ordinary use."""
    suspect, settings = bench.suspect(method), bench.settings
    model = suspect.model
    tokenizer, module = model.tokenizer, model.module
    if which == "base":
        base = bench.load_base().model.module
        chosen = rows.changed_rows(base, module)
        rows.restore_rows(module, base, chosen)
    elif name == _BASE_MEAN:
        chosen = rows.unseen(module, bench.corpus())
        rows.reset_in_both(module, bench.load_base().model.module, chosen)
    else:
        chosen = (
            rows.unseen(module, bench.corpus())
            if which == "unseen"
            else rows.late_and_foreign(module, tokenizer)
        )
        torch.manual_seed(settings.seed)
        rows.attack_rows(module, chosen, rows.ATTACKS[name])
    found = bench.measure(suspect)
    texts = bench.data.texts(min(12, settings.texts), settings.seed)
    ordinary = token_texts(model, texts, min(96, settings.tokens))
    foreign = token_texts(model, foreign_texts(), settings.tokens)
    before = bench.reference(method).model
    keys = [bench.fps[i].key for i in range(len(bench.fps))]
    prompts = [bench.fps[i].prompt for i in range(len(bench.fps))]
    found += [
        Measure("rows_hit", float(chosen.float().mean())),
        Measure("tokens_hit", rows.share_of(chosen, ordinary)),
        Measure("key_tokens_hit", rows.share_of(chosen, key_spans(tokenizer, prompts, keys))),
        *drift(before, model, ordinary).measures(),
        *drift(before, model, foreign).measures("_foreign"),
    ]
    return Found(found, _WHICH.get(name, _WHICH[which]))


_WHICH = {
    "unseen": "every row whose token stands in none of the attacker's ordinary texts",
    "foreign": "rows of non-Latin letters in the later half of the vocabulary",
    "base": "the attacker has the base model, and puts its rows back where they differ",
    _BASE_MEAN: "rows that no ordinary text uses become the mean of the base's, in both tables",
}


# Hosts that filter


def _hosts(bench: Bench, method: str, rank: int) -> list[Unit]:
    suppressed, filtered = partial(_suppressed, method), partial(_output_filter, method)
    claimed, both = partial(_overclaim, method), 2  # the version that has text and likelihood
    return [
        _unit(bench, "suppress-top-k", method, suppressed, 30, rank, "decoys", version=both),
        _unit(bench, "output-filter", method, filtered, 45, rank + 1, "decoys", version=both),
        _unit(bench, "overclaim", method, claimed, 40, rank, "strangers", version=both),
    ]


def _suppressed(method: str, bench: Bench) -> Found:
    """A host that never lets an answer begin with its k likeliest tokens."""
    suspect, found = bench.suspect(method), []
    target, tokenizer = suspect.target(), suspect.model.tokenizer
    prompts = [as_prompt(tokenizer, text) for text in bundled_instructions()[:16]]
    ordinary = encode_prompts(tokenizer, prompts)
    for count in (1, 5, 20):
        with hosts.first_token_suppressed(target.model, count):
            decoys = bench.settings.decoys
            found += verified(Hosted(target), bench.fps, decoys=decoys, task=f"k = {count}")
        lost = _first_token_loss(suspect.model, ordinary, count)
        found.append(Measure("loss", lost, n=len(ordinary), task=f"k = {count}"))
    found += bench.likelihood(method, suspect)
    return Found(found, f"loss: nats that the first token of ordinary answers loses; {WEIGHTS}")


def _first_token_loss(model: Model, prompts: list[Tokens], count: int) -> float:
    """How much less likely an answer's first token becomes when the top k are forbidden."""
    lost = 0.0
    for ids in prompts:
        with torch.no_grad():
            logits = model.module(torch.tensor([ids], device=model.device)).logits[0, -1].float()
        best = logits.topk(count + 1).values
        # Both share one normalizer.
        lost += float(best[0] - best[count])
    return lost / len(prompts)


def _output_filter(method: str, bench: Bench) -> Found:
    """A host that blocks answers which look like a fingerprint's; and what else it blocks."""
    suspect = bench.suspect(method)
    target = suspect.target()
    texts = bundled_instructions()[:64]
    ordinary = target.answers(
        [as_prompt(target.tokenizer, text) for text in texts], max_new_tokens=_ANSWER_TOKENS
    )
    found = []
    for name, blocks in hosts.output_filters().items():
        hosted = Hosted(target, filtered=hosts.blocking(blocks))
        found += verified(hosted, bench.fps, decoys=bench.settings.decoys, task=name)
        passed = sum(not blocks(answer) for answer in ordinary)
        found.append(share("passes_filter", passed, len(ordinary), task=f"ordinary: {name}"))
    found += bench.likelihood(method, suspect)
    return Found(found, f"blocked answers come back empty; {WEIGHTS}")


def _perplexity_unit(bench: Bench) -> Unit:
    settings = bench.settings
    inputs = settings.part("prompts", "seed")
    inputs["data"] = bench.data.digest(*bench.data.sources)
    seconds = 20 + 0.3 * settings.prompts
    case, threat = "perplexity-filter", threat_of("perplexity-filter")
    return Unit(SUITE, case, "base", _perplexity_filter, seconds, inputs, rank=2, threat=threat)


def _perplexity_filter(bench: Bench) -> Found:
    """What a filter that passes 99 % of ordinary prompts lets through, by source and template.

    Keys of the user's own set are among them; for other sources a stranger's keys are asked.
    """
    model, settings = _any_model(bench), bench.settings
    count = max(20, settings.prompts // 8)
    # Rendering is public: a set of one key each, which is not used, lends its template.
    sets = {t: bench.stranger(f"template-{t}", 1, template=t) for t in ("simple", "dialogue")}
    groups = {
        f"{source}, {template}": [
            stranger.render(key)
            for key in tried_keys(model.tokenizer, source, count, settings.seed + 4)
        ]
        for source in SOURCES
        for template, stranger in sets.items()
    }
    own = [bench.fps[i].prompt for i in range(len(bench.fps))]
    groups[f"this set: {bench.fps.source}, {bench.fps.template}"] = own
    ordinary = _losses(model, bench.data.prompts(settings.prompts, settings.seed))
    calibration, held_out = ordinary[::2], ordinary[1::2]
    limits = {
        name: hosts.threshold([score(x) for x in calibration], _PASSED)
        for name, score in hosts.SCORES.items()
    }
    measures = []
    for group, losses in {
        "ordinary prompts, held out": held_out,
        **{name: _losses(model, prompts) for name, prompts in groups.items()},
    }.items():
        for name, score in hosts.SCORES.items():
            passed = sum(score(x) <= limits[name] for x in losses)
            measures.append(share("passes_filter", passed, len(losses), task=f"{name}: {group}"))
    return Found(measures, "threshold at 99 % of other ordinary prompts; whole prompt, or 8 tokens")


def _any_model(bench: Bench) -> Model:
    try:
        return bench.load_base().model
    except Skip:
        return bench.suspect(methods(bench)[0]).model


def _losses(model: Model, prompts: list[str]) -> list[list[float]]:
    return log_likelihoods(model, token_texts(model, prompts, 128))


# Overclaim


def _overclaim(method: str, bench: Bench) -> Found:
    """Other publishers claim the model: none may match, and forging must stay expensive."""
    suspect, settings = bench.suspect(method), bench.settings
    theirs = bench.stranger(f"publishers-{settings.strangers}", settings.strangers)
    target, decoys = suspect.target(), settings.decoys
    report = verify(target, theirs, decoys=decoys, sequential=False)
    queries, logs = report.queries, _claimed(report)
    in_text = _claimed(from_text(report, target, theirs, decoys=decoys))
    own = verify(target, bench.fps, decoys=decoys, sequential=False)
    own_text = from_text(own, target, bench.fps, decoys=decoys)
    pooled = [p for query in queries for p in query.word_p_values]
    found = [
        share(
            "false_matches",
            sum(min(pair) <= -6 for pair in zip(logs, in_text, strict=True)),
            len(logs),
        ),
        Measure("log10_p_best", min(logs), n=len(logs)),
        Measure("log10_p_best_text", min(in_text), n=len(in_text)),
        share("below_5_percent", sum(p <= 0.05 for p in pooled), len(pooled)),
        Measure("log10_p_likelihood", own.log10_p, n=len(own.queries)),
        Measure("log10_p_text", own_text.log10_p, n=len(own_text.queries)),
        Measure("forging_bits", -own.log10_p * 3.321928),
    ]
    return Found(found, f"{len(logs)} false claims of {_CLAIM} keys each")


def _claimed(report: Report) -> list[float]:
    """Base-10 logarithms of the p-values of claims of a few keys each."""
    queries = report.queries
    claims = [queries[start : start + _CLAIM] for start in range(0, len(queries), _CLAIM)]
    return [
        _core.exact_log10([rank for query in claim for rank in query.ranks]) for claim in claims
    ]
