"""Downstream users and attackers who tune: all weights, or LoRA, on pairs of text."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from ifrs.audit.data import Data, Pair, Source, instructions
from ifrs.audit.settings import Settings
from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.columns import columns_of
from ifrs.modalities.text.forward import chunks_by_length, collate
from ifrs.modalities.text.ordinary import as_prompt
from ifrs.modalities.text.tokens import Tokens, encode, encode_prompts
from ifrs.runtime.examples import endlessly
from ifrs.runtime.memory import kept_memory, release_fragments, tokens_that_fit
from ifrs.runtime.modules import device_of
from ifrs.runtime.precision import arithmetic

# Seconds of a step of eight examples of 256 tokens, all weights of a model of 270 million on two
# cores; with LoRA.
STEP_SECONDS, LORA_STEP_SECONDS = 6.0, 4.0

Examples = list[tuple[Tokens, Tokens]]


def tune(
    model: Any,
    examples: Examples,
    pad: int,
    settings: Settings,
    *,
    steps: int | None = None,
    rate: float | None = None,
    lora: bool = False,
    each: Callable[[int, float, Any], None] | None = None,
    at: Sequence[int] = (),
) -> Any:
    """Tune a model in place: AdamW, constant step size, loss on answers alone.

    Args:
        model: The model; all weights are trained, or a LoRA that is merged at the end.
        examples: Prompts and answers as token ids.
        pad: The id to fill batches with.
        settings: Batch, step size, seed.
        steps: How many, if not as the settings say.
        rate: Step size, if not as the settings say.
        lora: Train a LoRA of rank 16 on every linear layer.
        each: Called with step, mean loss since the last call, and the model.
        at: After which steps.

    Returns:
        The tuned model.
    """
    steps, rng = steps or settings.steps, random.Random(settings.seed)
    rate = rate or (settings.lora_rate if lora else settings.rate)
    wrapped = _with_lora(model, settings.seed) if lora else None
    if wrapped is None:
        model.requires_grad_(True)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0, fused=True)
    model.eval()  # no dropout: runs differ by their data alone
    rows, losses = endlessly(examples, rng), []
    with kept_memory(device_of(model)):
        for step in range(1, steps + 1):
            batch = [next(rows) for _ in range(min(settings.batch, len(examples)))]
            losses.append(_gradients(model, batch, pad, settings))
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            release_fragments()
            if each is not None and (step in at or step == steps):
                each(step, sum(losses) / len(losses), model)
                losses = []
    del optimizer
    done = model if wrapped is None else wrapped.merge_and_unload()
    done.requires_grad_(False)
    return done


def marks(settings: Settings, steps: int | None = None) -> list[int]:
    """The steps after which the fingerprint is read: evenly spread, the last one included."""
    steps = steps or settings.steps
    count = max(1, settings.readings - 1)
    return sorted({max(1, round(steps * k / count)) for k in range(1, count + 1)})


def _with_lora(model: Any, seed: int) -> Any:
    import peft
    from torch import nn

    output = model.get_output_embeddings()
    layers = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not output
    ]
    config = peft.LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=layers)
    model.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return peft.get_peft_model(model, config)


def _gradients(model: Any, batch: Examples, pad: int, settings: Settings) -> float:
    tokens, total = sum(len(answer) for _, answer in batch), 0.0
    prompts, answers = [prompt for prompt, _ in batch], [answer for _, answer in batch]
    with arithmetic(model, settings.dtype):  # once for all passes: it copies weights
        for places in chunks_by_length(prompts, answers, tokens_that_fit(model)):
            part = collate(
                [prompts[i] for i in places], [answers[i] for i in places], pad, device_of(model)
            )
            columns = columns_of(model, part)
            total += columns.backward(partial(columns.cross_entropy, weight=1 / tokens))
    return total


def encoded(tokenizer: Any, pairs: Sequence[Pair], length: int) -> Examples:
    """Pairs of ready prompts and answers as token ids, ended and cut to `length`."""
    prompts = encode_prompts(tokenizer, [prompt for prompt, _ in pairs])
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    found = []
    for ids, (_, answer) in zip(prompts, pairs, strict=True):
        response = [*encode(tokenizer, answer), *end][: length // 2]
        found.append((ids[-(length - len(response)) :], response))
    return found


def tuning_examples(
    data: Data,
    source: Source | None,
    model: Any,
    tokenizer: Any,
    settings: Settings,
    *,
    count: int | None = None,
) -> Examples:
    """What a downstream user trains on: a source's pairs, or sampled answers where none is given.

    Without data the model answers bundled instructions by sampling at temperature 1: a stand-in,
    which records name.
    """
    count = count or settings.steps * settings.batch
    if source is not None:
        pairs = random.Random(settings.seed).sample(source.rows, min(count, len(source.rows)))
        ready = [(as_prompt(tokenizer, question), answer) for question, answer in pairs]
        return encoded(tokenizer, ready, settings.length)
    texts = instructions()[: min(count, len(instructions()))]
    prompts = encode_prompts(tokenizer, [as_prompt(tokenizer, text) for text in texts])
    torch.manual_seed(settings.seed)
    answers = generate(model, tokenizer, prompts, max_new_tokens=24, temperature=1.0)
    return [(p, a) for p, a in zip(prompts, answers, strict=True) if a]
