"""An ensemble: the next token only from those that another model holds likely, too."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ifrs.audit.attacks.attack import Attack
from ifrs.audit.attacks.hosting import WEIGHTS, asked
from ifrs.audit.bench import SIBLING, Bench
from ifrs.audit.changes.hosts import Decoded, next_logits
from ifrs.audit.record import Measure, Skip, Threat, share
from ifrs.audit.unit import Found
from ifrs.modalities.text.model import Model
from ifrs.modalities.text.tokens import Tokens
from ifrs.runtime.modules import is_encoder_decoder

# The likeliest tokens of each model.
_LIKELIEST = 10


def in_common(ours: Tensor, theirs: Tensor, count: int = _LIKELIEST) -> Tensor:
    """Scores of the mean probability, on the tokens that both models have among their likeliest.

    Where there is none, on the likeliest of either.

    Args:
        ours: Logits, (batch, vocabulary).
        theirs: Those of the other model; its vocabulary may be padded otherwise.
        count: How many tokens are among the likeliest.

    Returns:
        Log-probabilities, −inf on all other tokens, (batch, vocabulary of ours).
    """
    size = ours.shape[-1]
    spare = torch.nn.functional.pad(theirs, (0, max(0, size - theirs.shape[-1])), value=-torch.inf)
    theirs = spare[..., :size]
    one, other = (
        torch.zeros_like(ours, dtype=torch.bool).scatter(-1, s.topk(count).indices, True)
        for s in (ours, theirs)
    )
    both = one & other
    allowed = torch.where(both.any(-1, keepdim=True), both, one | other)
    mean = (ours.softmax(-1) + theirs.softmax(-1)) / 2
    return mean.log().masked_fill(~allowed, -torch.inf)


@torch.no_grad()
def _changed(ours: Model, theirs: Any, texts: list[Tokens]) -> Measure:
    """Next tokens of ordinary text that the ensemble chooses otherwise than ours alone."""
    places = changed = 0
    for ids in texts:
        tokens = torch.tensor([ids], device=ours.device)
        one, other = (m(tokens).logits[0].float() for m in (ours.module, theirs))
        changed += int((in_common(one, other).argmax(-1) != one.argmax(-1)).sum())
        places += len(ids)
    return share("tokens_changed", changed, places)


def _run(method: str, bench: Bench) -> Found:
    bench.release()
    suspect = bench.suspect(method)
    if is_encoder_decoder(suspect.model.module):
        raise Skip("an ensemble of encoder-decoders is not measured")
    which = SIBLING if bench.has(SIBLING) else "base"
    other = bench.suspect(which).model.module

    def rule(ids: Tensor, mask: Tensor, _: int, scores: Tensor) -> Tensor:
        return in_common(scores, next_logits(other, ids, mask))

    found = asked(bench, method, suspect, Decoded(suspect.target(), rule))
    found.append(_changed(suspect.model, other, bench.ordinary(suspect.model)))
    name = "another fine-tune of the base" if which == SIBLING else "the base model"
    return Found(found, f"with {name}, the {_LIKELIEST} likeliest tokens of each; {WEIGHTS}")


ATTACK = Attack(
    suite="attacks",
    case="ensemble",
    run=_run,
    seconds=lambda settings: 45,
    threat=Threat(
        paper="Fu et al., 2026, arXiv 2601.04261 (token filter)",
        access="the weights, and another model of the same vocabulary",
        cost="both models run for every token",
    ),
    names=("decoys", "texts", "tokens", "seed"),
    after=2,
)
