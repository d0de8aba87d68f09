"""Which tokens a model hardly learnt, found from its own embeddings.

What training text held seldom keeps an embedding near to those of tokens that it never held (Land
& Bartolo, 2024, arXiv 2405.05417, section 3). Keys of such tokens hold nothing of ordinary text.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ifrs.errors import FingerprintError

# So many tokens that no text holds show where training never led.
_FEW = 8
_NEVER = ("unused", "reserved", "extra_id")


def familiarity(model: Any, tokenizer: Any) -> Tensor:
    """How much a model learnt about each token, float32 (vocabulary,): the least come first.

    The distance of its input embedding from those that training never touched, by angle; without
    such tokens to compare with, its length. It tells the least known tokens from the rest, and says
    nothing about two of the rest.

    Raises:
        FingerprintError: The model has fewer rows than the tokenizer has tokens.
    """
    rows: Tensor = model.get_input_embeddings().weight.detach().float()
    if len(rows) < len(tokenizer):
        raise FingerprintError(
            f"the model has {len(rows)} embedding rows and the tokenizer {len(tokenizer)} tokens: "
            "pass the model's own tokenizer"
        )
    never = _never_used(tokenizer, len(rows))
    if len(never) < _FEW:
        lengths: Tensor = torch.linalg.vector_norm(rows, dim=1)
        return lengths.cpu()
    middle = rows[torch.tensor(never, device=rows.device)].mean(dim=0, keepdim=True)
    likeness: Tensor = torch.nn.functional.cosine_similarity(rows, middle)
    return 1 - likeness.cpu()


def _never_used(tokenizer: Any, rows: int) -> list[int]:
    """Tokens that no text holds: spare ones of the vocabulary, and rows behind its end."""
    added = tokenizer.added_tokens_decoder.items()
    spare = {i for i, token in added if any(word in str(token) for word in _NEVER)}
    last = max(tokenizer.get_vocab().values())
    return sorted(spare | set(range(last + 1, rows)))
