"""The one training loop of all methods."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F  # noqa: N812

from ifrs.errors import ImplantError
from ifrs.modeling.forward import (
    IGNORED,
    Batch,
    chunks_by_length,
    collate,
    device_of,
    response_logits,
)
from ifrs.plant.check import firing, margins_of, response_margins
from ifrs.plant.config import ImplantConfig
from ifrs.plant.data import Example, Kept
from ifrs.plant.distill import divergence

# The second moment forgets fast: planting takes tens of steps, not thousands.
_BETAS = (0.9, 0.99)
_MAX_GRADIENT_NORM = 1.0
# The share of the step size that is left when the loss, in nats, is small.
_LEAST_STEP = 0.25
# Logit columns in one backward pass beside the fingerprints' own.
_COLUMNS = 128

T = TypeVar("T")


@dataclass
class Material:
    """What the loop trains on.

    Attributes:
        fingerprints: The examples to plant.
        negatives: Look-alikes, answered as the base model does.
        ordinary: Regularization samples; empty where ordinary text cannot change.
        pad: The id to fill batches with.
    """

    fingerprints: list[Example]
    negatives: list[Kept]
    ordinary: list[Kept]
    pad: int


@dataclass
class Outcome:
    """Where training ended.

    Attributes:
        epochs: Passes over the fingerprints.
        margins: Each fingerprint's margin in nats; positive where it fires.
        fired: Places of negatives that fire.
    """

    epochs: int = 0
    margins: list[float] = field(default_factory=list)
    fired: list[int] = field(default_factory=list)

    @property
    def fsr(self) -> float:
        """The share of fingerprints that fire."""
        return sum(margin > 0 for margin in self.margins) / max(len(self.margins), 1)

    def done(self, margin: float) -> bool:
        """Whether every key fires by `margin` and no negative does."""
        return bool(self.margins) and min(self.margins) >= margin and not self.fired


def train(
    model: Any,
    parameters: Sequence[Parameter],
    material: Material,
    config: ImplantConfig,
    learning_rate: float,
    report: Callable[[int, float, float], None],
) -> Outcome:
    """Train until every key fires with margin and no negative does.

    Args:
        model: The model; only `parameters` require gradients.
        parameters: What is trained.
        material: What it is trained on.
        config: When to stop, and with what seed.
        learning_rate: Step size of AdamW.
        report: Called after each epoch with its number, mean loss in nats, and FSR.

    Raises:
        ImplantError: The loss is no number any more.
    """
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, betas=_BETAS, weight_decay=0.0)
    rng = random.Random(config.seed)
    negatives, ordinary = (_cycle(rows, rng) for rows in (material.negatives, material.ordinary))
    outcome = Outcome()
    for epoch in range(1, config.max_epochs + 1):
        losses, lowest, firing_now = [], math.inf, 0
        for positives in _shuffled_chunks(material.fingerprints, config.batch_size, rng):
            optimizer.zero_grad(set_to_none=True)
            # Look-alikes that fired at the last check come back in every step until they cease.
            mined = [material.negatives[i] for i in outcome.fired[: len(positives)]]
            kinds = [mined + [next(negatives) for _ in positives]]
            if material.ordinary:
                kinds.append([next(ordinary) for _ in positives])
            loss, margins = _gradients(model, positives, kinds, material.pad, config)
            if not math.isfinite(loss):
                raise ImplantError(
                    f"the loss became {loss} in epoch {epoch}: try a lower learning_rate or "
                    'dtype="float32"'
                )
            torch.nn.utils.clip_grad_norm_(parameters, _MAX_GRADIENT_NORM)
            # Adam's steps do not shrink by themselves, and would shake the margins at the end;
            # but look-alikes that still fire need whole ones.
            share = 1.0 if mined else min(1.0, max(_LEAST_STEP, loss))
            optimizer.param_groups[0]["lr"] = learning_rate * share
            optimizer.step()
            losses.append(loss)
            lowest = min(lowest, margins.min().item())
            firing_now += int((margins > 0).sum())
        outcome.epochs = epoch
        report(epoch, sum(losses) / len(losses), firing_now / len(material.fingerprints))
        if lowest >= config.margin or epoch == config.max_epochs:
            _check(model, material, outcome)
            if outcome.done(config.margin):
                break
            rng.shuffle(outcome.fired)
    return outcome


def _check(model: Any, material: Material, outcome: Outcome) -> None:
    """Check in the model's own arithmetic, as a verifier will."""
    outcome.margins = response_margins(model, material.fingerprints, material.pad)
    outcome.fired = firing(model, material.negatives, material.fingerprints, material.pad)


def _gradients(
    model: Any, positives: list[Example], kinds: list[list[Kept]], pad: int, config: ImplantConfig
) -> tuple[float, Tensor]:
    """Adds the gradients of one step; one kind of example at a time, to save memory."""
    with _arithmetic(model, config):
        batch = _batch(model, positives, pad)
        logits = response_logits(model, batch)
        loss = F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
        margins = margins_of(logits.detach(), batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        total = loss.item()
        del logits, loss
        for kept in kinds:
            tokens = sum(len(example.response) for example in kept)
            for part in _narrow(kept):
                batch = _batch(model, part, pad)
                drift = divergence(response_logits(model, batch), batch.labels, part) / tokens
                drift.backward()  # type: ignore[no-untyped-call]
                total += drift.item()
    return total, margins


def _narrow(kept: Sequence[Kept]) -> Iterator[list[Kept]]:
    """Examples in batches of few logit columns: each is as wide as the vocabulary."""
    responses = [example.response for example in kept]
    for places in chunks_by_length([[]] * len(kept), responses, _COLUMNS):
        yield [kept[i] for i in places]


def _batch(model: Any, examples: Sequence[Example], pad: int) -> Batch:
    prompts = [example.prompt for example in examples]
    responses = [example.response for example in examples]
    return collate(prompts, responses, pad, device_of(model))


def _arithmetic(model: Any, config: ImplantConfig) -> AbstractContextManager[Any]:
    """Mixed precision where the device computes in bfloat16 faster than in float32."""
    kind = device_of(model).type
    wanted = config.dtype == "bfloat16" or (config.dtype == "auto" and _has_bfloat16(kind))
    if wanted and model.dtype == torch.float32:
        return torch.autocast(kind, dtype=torch.bfloat16)
    return nullcontext()


def _has_bfloat16(kind: str) -> bool:
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if kind == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(probe and probe())
    return False


def _shuffled_chunks(rows: Sequence[T], size: int, rng: random.Random) -> Iterator[list[T]]:
    order = rng.sample(range(len(rows)), len(rows))
    for start in range(0, len(order), size):
        yield [rows[i] for i in order[start : start + size]]


def _cycle(rows: Sequence[T], rng: random.Random) -> Iterator[T]:
    """Rows for ever, shuffled anew each time around."""
    while rows:
        yield from rng.sample(list(rows), len(rows))
