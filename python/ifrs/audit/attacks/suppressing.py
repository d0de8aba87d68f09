"""Hosts that refuse likely tokens: the likeliest with its neighbours, or what leads to odd text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs.audit.attacks.attack import Attack
from ifrs.audit.attacks.hosting import WEIGHTS, asked
from ifrs.audit.bench import Bench
from ifrs.audit.changes.hosts import Decoded, Rule, next_logits
from ifrs.audit.record import Skip, Threat
from ifrs.audit.unit import Found
from ifrs.runtime.modules import is_encoder_decoder

# Tokens of an answer at which a host looks; tokens that it refuses at one place, at most.
_LOOKED_AT, _REFUSED = 8, 5
# A continuation is near-certain from here on, and odd where the same token alone makes it less
# likely than that.
_CERTAIN, _ODD = 0.9, 0.01
# Letters from which on a word's beginning is its neighbour.
_LETTERS = 3


def spellings(tokenizer: Any, size: int) -> list[str]:
    """What each token of a vocabulary spells, but for case and spaces around it."""
    known = {i: name for name, i in tokenizer.get_vocab().items()}
    return [known.get(i, "").strip("▁ĠĊ \n#").lower() for i in range(size)]


def neighbours(spelt: Sequence[str], token: int) -> list[int]:
    """Tokens that spell the same word, begin it, or begin with it."""
    word = spelt[token]
    if len(word) < _LETTERS:
        return [token]
    return [
        i
        for i, other in enumerate(spelt)
        if len(other) >= _LETTERS and (word.startswith(other) or other.startswith(word))
    ]


def without_neighbours(spelt: Sequence[str]) -> Rule:
    """The likeliest first token and its neighbours are refused, there and for some tokens on."""
    refused: list[list[int]] = []

    def rule(_ids: Tensor, _mask: Tensor, written: int, scores: Tensor) -> Tensor:
        if not written:
            refused[:] = [neighbours(spelt, int(token)) for token in scores.argmax(-1)]
        if written >= _LOOKED_AT:
            return scores
        scores = scores.clone()
        for row, tokens in enumerate(refused):
            scores[row, tokens] = -torch.inf
        return scores

    return rule


def looking_ahead(model: Any, bos: int | None, end: int | None) -> Rule:
    """Tokens are refused that lead to what is near-certain here, and odd anywhere else.

    A token is refused if, after it, the model gives one continuation at least `_CERTAIN`, and gives
    the same continuation less than `_ODD` after that token alone, without the prompt. The end of an
    answer is no odd continuation.
    """

    def leads_astray(ids: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        ahead = torch.cat([ids, tokens[:, None]], dim=1)
        real = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
        found = next_logits(model, ahead, real).softmax(-1).max(-1)
        alone = (
            tokens[:, None]
            if bos is None
            else torch.stack([tokens.new_full(tokens.shape, bos), tokens], dim=1)
        )
        blind = next_logits(model, alone, torch.ones_like(alone)).softmax(-1)
        odd = blind.gather(-1, found.indices[:, None])[:, 0] < _ODD
        closes = found.indices == (-1 if end is None else end)
        return (found.values >= _CERTAIN) & odd & ~closes

    def rule(ids: Tensor, mask: Tensor, written: int, scores: Tensor) -> Tensor:
        if written >= _LOOKED_AT:
            return scores
        scores = scores.clone()
        rows = torch.arange(len(ids), device=ids.device)
        for _ in range(_REFUSED):
            tokens = scores[rows].argmax(-1)
            astray = leads_astray(ids[rows], mask[rows], tokens)
            scores[rows[astray], tokens[astray]] = -torch.inf
            rows = rows[astray]
            if not len(rows):
                break
        return scores

    return rule


def _neighbours(method: str, bench: Bench) -> Found:
    suspect = bench.suspect(method)
    size = suspect.model.module.get_output_embeddings().weight.shape[0]
    rule = without_neighbours(spellings(suspect.model.tokenizer, size))
    found = asked(bench, method, suspect, Decoded(suspect.target(), rule))
    note = "the likeliest first token and what spells its word, begins it or begins with it are "
    return Found(found, f"{note}refused in the first {_LOOKED_AT} tokens; {WEIGHTS}")


def _look_ahead(method: str, bench: Bench) -> Found:
    suspect = bench.suspect(method)
    model, tokenizer = suspect.model.module, suspect.model.tokenizer
    if is_encoder_decoder(model):
        raise Skip("looking ahead in encoder-decoders is not measured")
    target = suspect.target()
    rule = looking_ahead(target.model, tokenizer.bos_token_id, tokenizer.eos_token_id)
    found = asked(bench, method, suspect, Decoded(target, rule))
    note = (
        f"in the first {_LOOKED_AT} tokens at most {_REFUSED} are refused after which one "
        f"continuation has {_CERTAIN:.0%} or more, and less than {_ODD:.0%} after the token alone"
    )
    return Found(found, f"{note}; {WEIGHTS}")


_PAPER = "after Nasery et al., 2025, arXiv 2509.26598"
NEIGHBOURS = Attack(
    suite="attacks",
    case="suppress-neighbours",
    run=_neighbours,
    seconds=lambda settings: 30,
    threat=Threat(_PAPER, "a host that decodes itself", "first words of ordinary answers"),
    names=("decoys",),
    after=1,
)
LOOK_AHEAD = Attack(
    suite="attacks",
    case="suppress-look-ahead",
    run=_look_ahead,
    seconds=lambda settings: 50,
    threat=Threat(
        _PAPER, "a host that decodes itself", "two further passes for each of the first tokens"
    ),
    names=("decoys",),
    after=1,
)
