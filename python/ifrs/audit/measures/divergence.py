"""How far a model is from another one on texts: KL, perplexity, identity."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ifrs.audit.record import Measure, mean_measure, share
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import Tokens, encode_prompts
from ifrs.runtime.examples import Example
from ifrs.runtime.precision import arithmetic

# Tokens of a pass.
_AT_ONCE = 256


@dataclass
class Drift:
    """What two models make of the same texts.

    Attributes:
        kl: Mean next-token KL divergence of each text, before to after, in nats.
        before: Mean negative log-likelihood of each text's tokens before, in nats.
        after: The same after.
        identical: Whether each text's logits are bit-identical.
        places: Next tokens that were looked at.
        changed: Those of them whose likeliest is another one after.
    """

    kl: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    identical: list[bool] = field(default_factory=list)
    places: int = 0
    changed: int = 0

    def measures(self, suffix: str = "", **where: Any) -> list[Measure]:
        """KL with its interval, perplexities, identical texts and changed next tokens."""
        if not self.kl:
            return []
        found = [
            mean_measure(f"kl{suffix}", self.kl, **where),
            Measure(f"perplexity{suffix}", _perplexity(self.after), n=len(self.after), **where),
        ]
        if not suffix:
            same = sum(self.identical) / len(self.identical)
            found += [
                Measure("perplexity_before", _perplexity(self.before), n=len(self.before), **where),
                Measure("identical", same, n=len(self.identical), **where),
                share("tokens_changed", self.changed, self.places, **where),
            ]
        return found


def token_texts(model: Model, texts: Sequence[str], tokens: int) -> list[Tokens]:
    """Texts as token ids, cut to `tokens`; those of fewer than two tokens are left out."""
    cut = [ids[:tokens] for ids in encode_prompts(model.tokenizer, texts)]
    return [ids for ids in cut if len(ids) > 1]


def drift(
    before: Model,
    after: Model,
    texts: Sequence[Tokens],
    advance: Callable[[int], None] | None = None,
) -> Drift:
    """Compare two models, text by text: one pass each, never a batch, so that bits are the same."""
    found = Drift()
    for ids in texts:
        tokens = torch.tensor([ids], device=before.device)
        with torch.no_grad():
            one, other = (model.module(tokens).logits[0].float() for model in (before, after))
            same = torch.equal(one, other)
            found.places += len(ids) - 1
            found.identical.append(same)
            one = one[:-1].log_softmax(-1)
            found.before.append(_nll(one, ids))
            if same:
                found.kl.append(0.0)
                found.after.append(found.before[-1])
                continue
            other = other[:-1].log_softmax(-1)
            found.changed += int((one.argmax(-1) != other.argmax(-1)).sum())
            found.after.append(_nll(other, ids))
            found.kl.append(max(0.0, float((one.exp() * (one - other)).sum(-1).mean())))
        if advance is not None:
            advance(1)
    return found


def log_likelihoods(model: Model, texts: Sequence[Tokens]) -> list[list[float]]:
    """Negative log-likelihood of every token but the first, in nats, text by text.

    In batches and in the arithmetic of training: what is asked is which texts are strange.
    """
    examples = [Example(ids[:1], ids[1:]) for ids in texts]
    found: list[list[float]] = [[] for _ in texts]
    for places in model.batches(examples, _AT_ONCE):
        with torch.no_grad(), arithmetic(model.module, "auto"):
            losses = iter(model.columns([examples[i] for i in places]).each(_losses).tolist())
        for i in places:
            found[i] = [next(losses) for _ in examples[i].response]
    return found


def _losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihoods of labels in nats, (columns,)."""
    return logits.logsumexp(-1) - logits.gather(-1, labels[:, None])[:, 0]


def _nll(log_probs: torch.Tensor, ids: Tokens) -> float:
    truth = torch.tensor(ids[1:], device=log_probs.device)
    return float(-log_probs.gather(-1, truth[:, None]).mean())


def _perplexity(losses: Sequence[float]) -> float:
    return math.exp(min(sum(losses) / len(losses), 700.0))
