"""Downstream users and attackers who tune: all weights, or LoRA, on pairs of text."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ifrs.audit.data import Pair, Source
from ifrs.audit.settings import Settings
from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.ordinary import self_answered
from ifrs.modalities.text.surroundings import as_prompt
from ifrs.modalities.text.tokens import Tokens, encode, encode_prompts, end_mark
from ifrs.plant.training.hardening import tuner_step
from ifrs.runtime.examples import Example, endlessly
from ifrs.runtime.memory import kept_memory, release_fragments, tokens_that_fit
from ifrs.runtime.modules import linear_layers

# Seconds of a step of eight examples of 256 tokens, all weights of a model of 270 million on two
# cores; with LoRA.
STEP_SECONDS, LORA_STEP_SECONDS = 6.0, 4.0
# Of a sampled answer.
_ANSWER_TOKENS = 24


def tune(
    model: Model,
    examples: Sequence[Example],
    settings: Settings,
    *,
    steps: int | None = None,
    rate: float | None = None,
    lora: bool = False,
    report: Callable[[int, float], None] | None = None,
    at: Sequence[int] = (),
) -> float:
    """Tune a model in place: AdamW, constant step size, loss on answers alone.

    Args:
        model: The model; all weights are trained, or a LoRA that is merged at the end.
        examples: What it is trained on.
        settings: Batch, step size, seed.
        steps: How many, if not as the settings say.
        rate: Step size, if not as the settings say.
        lora: Train a LoRA of rank 16 on every linear layer.
        report: Called with step and mean loss since the last call, in nats.
        at: After which steps, beside the last.

    Returns:
        The mean loss since the last call of `report`.
    """
    module, rng = model.module, random.Random(settings.seed)
    steps = steps or settings.steps
    rate = rate or (settings.lora_rate if lora else settings.rate)
    wrapped = _with_lora(module, settings.seed) if lora else None
    if wrapped is None:
        module.requires_grad_(True)
    weights = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0, fused=True)
    module.eval()  # no dropout: runs differ by their data alone
    rows, losses, mean = endlessly(examples, rng), list[float](), 0.0
    with kept_memory(model.device):
        for step in range(1, steps + 1):
            batch = [next(rows) for _ in range(min(settings.batch, len(examples)))]
            size = tokens_that_fit(module)
            losses.append(tuner_step(model, batch, optimizer, size=size, dtype=settings.dtype))
            release_fragments()
            if step in at or step == steps:
                mean, losses = sum(losses) / len(losses), []
                if report is not None:
                    report(step, mean)
    del optimizer
    if wrapped is not None:
        wrapped.merge_and_unload()
    module.requires_grad_(False)
    return mean


def marks(settings: Settings, steps: int | None = None) -> list[int]:
    """The steps after which the fingerprint is read: evenly spread, the last one included."""
    steps = steps or settings.steps
    count = max(1, settings.readings - 1)
    return sorted({max(1, round(steps * k / count)) for k in range(1, count + 1)})


def _with_lora(module: Any, seed: int) -> Any:
    import peft

    config = peft.LoraConfig(
        r=16, lora_alpha=32, lora_dropout=0.0, target_modules=list(linear_layers(module))
    )
    module.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return peft.get_peft_model(module, config)


def encoded(tokenizer: Any, pairs: Sequence[Pair], length: int) -> list[Example]:
    """Pairs of ready prompts and answers as token ids, ended and cut to `length`."""
    prompts = encode_prompts(tokenizer, [prompt for prompt, _ in pairs])
    found = []
    for ids, (_, answer) in zip(prompts, pairs, strict=True):
        response = [*encode(tokenizer, answer), *end_mark(tokenizer)][: length // 2]
        found.append(Example(ids[-(length - len(response)) :], response))
    return found


def tuning_examples(
    model: Model, source: Source | None, settings: Settings, *, count: int | None = None
) -> list[Example]:
    """What a downstream user trains on: a source's pairs, or sampled answers where none is given.

    Without data the model answers bundled instructions by sampling at temperature 1: a stand-in,
    which records name.
    """
    tokenizer, count = model.tokenizer, count or settings.steps * settings.batch
    if source is not None:
        pairs = random.Random(settings.seed).sample(source.rows, min(count, len(source.rows)))
        ready = [(as_prompt(tokenizer, question), answer) for question, answer in pairs]
        return encoded(tokenizer, ready, settings.length)

    def sampled(prompts: list[Tokens], most: int) -> list[Tokens]:
        return generate(model.module, tokenizer, prompts, max_new_tokens=most, temperature=1.0)

    torch.manual_seed(settings.seed)
    texts = bundled_instructions()[:count]
    examples = self_answered(tokenizer, texts, _ANSWER_TOKENS, sampled)
    return [example for example in examples if example.response]
