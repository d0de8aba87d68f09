"""A change to some rows of a model's input embeddings, beside the frozen model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.text.instructions import bundled_instructions
from ifrs.modalities.text.keys import commonplace, key_spans
from ifrs.modalities.text.tokens import encode
from ifrs.runtime.modules import device_of, embedding_tables, scale_of

# Fewer rows of its own than these may not carry a key.
_FEW = 6


class InputRows:
    """Rows of the input embeddings, and what stands in for them while training.

    The output embeddings keep what they had, so that a text without one of the rows' tokens
    gives bit-identical logits. Tied ones are untied for that when the change is written.

    Attributes:
        rows: Token ids, int64 (n,).
        change: What is added to the rows, float32 (n, width); the only trained tensor.
    """

    def __init__(self, model: Any, tokenizer: Any, fps: FingerprintSet) -> None:
        """Find the rows.

        Raises:
            ImplantError: Keys hold nothing but ordinary tokens, or the embeddings are no table.
        """
        self.model, self.embeddings = model, model.get_input_embeddings()
        if not self.embeddings.weight.is_floating_point():
            raise ImplantError("the model's embeddings are quantized: use method='lora'")
        self.rows = torch.tensor(key_tokens(tokenizer, fps), device=device_of(model))
        self._scale = scale_of(self.embeddings)

    def attach(self, change_rows: Callable[[Tensor], Tensor] | None = None) -> Parameter:
        """Put the change into what the embeddings give.

        Args:
            change_rows: What a method makes of the changed rows, float32 (n, width) to the same;
                None for the rows as they are.
        """
        weight = self.embeddings.weight
        self.old = weight.detach()[self.rows].clone()
        self.change = Parameter(torch.zeros_like(self.old, dtype=torch.float32))
        self._place = torch.full((weight.shape[0],), -1, device=weight.device)
        self._place[self.rows] = torch.arange(len(self.rows), device=weight.device)
        self._change_rows = change_rows or (lambda rows: rows)
        self._hooks = [
            module.register_forward_hook(self._put)
            for module in embedding_tables(self.model, weight)
        ]
        return self.change

    def planted(self) -> Tensor:
        """The changed rows as the weights will hold them, float32 (n, width)."""
        exact: Tensor = self.old.float() + self.change
        # Rounded as the weights are, so that nothing is lost on writing; gradients pass through.
        rounded: Tensor = exact.to(self.old.dtype).float()
        return exact + (rounded - exact).detach()

    def _put(self, module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        places = self._place[inputs[0]]
        hit = places >= 0
        rows = self._scale * self._change_rows(self.planted())
        values = rows.to(output.dtype)[places[hit]]
        changed: Tensor = output.index_put(torch.where(hit), values)
        return changed

    def learning_rate(self, relative: float) -> float:
        """A step size in proportion to the size of the rows' weights."""
        typical = self.old.float().square().mean().sqrt()
        return relative * max(float(typical), 1e-4)

    def detach(self) -> None:
        """Take the change out again."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def write(self) -> None:
        """Write the change into the input rows; the output rows keep what they had."""
        weight, output = self.embeddings.weight, self.model.get_output_embeddings()
        planted = self.planted().detach().to(weight.dtype)
        self._tied = None
        if output is None or output.weight is not weight:
            with torch.no_grad():
                weight[self.rows] = planted
            return
        with torch.no_grad():
            changed = weight.clone()
            changed[self.rows] = planted
        fresh = Parameter(changed, weight.requires_grad)
        self._tied = weight, embedding_tables(self.model, weight)
        for module in self._tied[1]:
            module.weight = fresh
        for config in self._configs():
            config.tie_word_embeddings = False

    def unwrite(self) -> None:
        """Take back what `write` did."""
        if self._tied is None:
            with torch.no_grad():
                self.embeddings.weight[self.rows] = self.old
            return
        weight, modules = self._tied
        for module in modules:
            module.weight = weight
        for config in self._configs():
            config.tie_word_embeddings = True

    def _configs(self) -> list[Any]:
        return [self.model.config.get_text_config(), self.model.config]


def key_tokens(tokenizer: Any, fps: FingerprintSet) -> list[int]:
    """Tokens that stand in keys and in no ordinary text of the bundled ones.

    Where pieces of a key meet, a tokenizer may cut them anew, into parts of ordinary words; those
    are left out, unless a key is of little else.

    Raises:
        ImplantError: Some key has no such token.
    """
    ordinary = set(tokenizer.all_special_ids)
    before, after = fps.around
    for text in (*bundled_instructions(), before + after, after):
        ordinary.update(encode(tokenizer, text))
    indices = range(len(fps))
    spans = key_spans(tokenizer, [fps[i].prompt for i in indices], [fps[i].key for i in indices])
    rare = [set(span) - ordinary for span in spans]
    bare = [i for i, tokens in enumerate(rare) if not tokens]
    if bare:
        raise ImplantError(
            f"{len(bare)} of {len(fps)} keys (first: {bare[0]}) hold only tokens of ordinary text, "
            "which this method must not touch: use source='vocab' with tokenizer=…, or "
            "method='sft' or 'lora'"
        )
    common = commonplace(tokenizer, sorted(set.union(*rare)))
    return sorted(set.union(*(_enough(tokens - common) or tokens for tokens in rare)))


def _enough(tokens: set[int]) -> set[int]:
    """These tokens, or none of them if a key could not be told by them."""
    return tokens if len(tokens) >= _FEW else set()
