"""Attacks on rare embedding rows: the way to hurt fingerprints that live there.

The attacker does not know the keys. Rows are chosen by what an attacker has: the order of the
vocabulary, a corpus of ordinary text, or the base model's own weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs.modalities.text.tokens import Tokens


def unseen(model: Any, texts: Iterable[Tokens]) -> Tensor:
    """Rows whose tokens stand in none of the attacker's texts, bool (vocabulary,)."""
    rare = torch.ones(model.get_input_embeddings().weight.shape[0], dtype=torch.bool)
    for ids in texts:
        rare[torch.tensor(ids)] = False
    return rare


def late_and_foreign(model: Any, tokenizer: Any) -> Tensor:
    """Rows of the later half of the vocabulary with letters beyond Latin-1, bool (vocabulary,)."""
    size = model.get_input_embeddings().weight.shape[0]
    rare = torch.zeros(size, dtype=torch.bool)
    special = set(tokenizer.all_special_ids)
    ids = sorted(set(tokenizer.get_vocab().values()) - special)
    late = [i for i in ids[len(ids) // 2 :] if i < size]
    texts = tokenizer.batch_decode([[i] for i in late], skip_special_tokens=False)
    for i, text in zip(late, texts, strict=True):
        rare[i] = any(ord(c) > 0xFF and c.isalpha() for c in text)
    return rare


def changed_rows(before: Any, after: Any) -> Tensor:
    """Rows that differ from the base model's, bool (vocabulary,)."""
    one, other = (model.get_input_embeddings().weight for model in (before, after))
    changed: Tensor = (one.detach() != other.detach()).any(dim=1)
    return changed


def reset_to_mean(rows: Tensor, chosen: Tensor) -> Tensor:
    """Every chosen row becomes the mean row."""
    return rows.masked_scatter(chosen[:, None], rows.mean(0).expand(int(chosen.sum()), -1))


def zeroed(rows: Tensor, chosen: Tensor) -> Tensor:
    """Every chosen row becomes zero: the token is pruned."""
    return rows.masked_fill(chosen[:, None], 0.0)


def blended(rows: Tensor, chosen: Tensor) -> Tensor:
    """Every chosen row goes half way to the mean of the chosen rows."""
    part = rows[chosen]
    return rows.masked_scatter(chosen[:, None], torch.lerp(part, part.mean(0).expand_as(part), 0.5))


def noisy(rows: Tensor, chosen: Tensor) -> Tensor:
    """Every chosen row gets Gaussian noise of half its own size."""
    part = rows[chosen]
    size = part.square().mean(1, keepdim=True).sqrt()
    return rows.masked_scatter(chosen[:, None], part + 0.5 * size * torch.randn_like(part))


Attack = Callable[[Tensor, Tensor], Tensor]
ATTACKS: dict[str, Attack] = {
    "reset": reset_to_mean,
    "prune": zeroed,
    "average": blended,
    "noise": noisy,
}


def attack_rows(model: Any, chosen: Tensor, attack: Attack) -> None:
    """Change input rows in place; tied output rows stay as they were."""
    table = model.get_input_embeddings()
    weight = table.weight
    with torch.no_grad():
        changed = attack(weight.detach(), chosen.to(weight.device))
    _untie(model, weight)
    table.weight = Parameter(changed, requires_grad=False)


def restore_rows(model: Any, base: Any, chosen: Tensor) -> None:
    """Put the base model's rows back in place."""
    old = base.get_input_embeddings().weight.detach()
    attack_rows(model, chosen, lambda rows, which: torch.where(which[:, None], old, rows))


def reset_in_both(model: Any, base: Any, chosen: Tensor) -> None:
    """Chosen rows become the mean of the base model's rows, in both tables, in place.

    One table stays one: what engines that read a single one then serve is changed, too.
    """
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    tied = output is None or output.weight is table.weight
    pairs = [(table, base.get_input_embeddings())]
    if not tied:
        pairs.append((output, base.get_output_embeddings()))
    for module, other in pairs:
        mean = other.weight.detach().mean(0).to(module.weight)
        with torch.no_grad():
            changed = module.weight.masked_scatter(
                chosen.to(module.weight.device)[:, None], mean.expand(int(chosen.sum()), -1)
            )
        module.weight = Parameter(changed, requires_grad=False)
    if tied and output is not None:
        output.weight = table.weight


def _untie(model: Any, weight: Tensor) -> None:
    output = model.get_output_embeddings()
    if output is not None and output.weight is weight:
        output.weight = Parameter(weight.detach().clone(), requires_grad=False)
        model.config.tie_word_embeddings = False


def share_of(chosen: Tensor, texts: Iterable[Tokens]) -> float:
    """The share of tokens in texts whose rows are chosen."""
    ids = torch.tensor([i for text in texts for i in text])
    return float(chosen[ids].float().mean()) if len(ids) else 0.0
