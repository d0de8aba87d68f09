"""IF-emb: only the input embedding rows of the keys' own tokens are trained.

A text without one of those tokens gives bit-identical logits: no other row, no other weight and
no output row changes. Tied output embeddings are untied for that.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modeling.forward import device_of
from ifrs.modeling.tokens import encode
from ifrs.modeling.vocabulary import key_spans
from ifrs.plant.method import Frozen, Method
from ifrs.plant.regularization import bundled_instructions

# Adam moves every weight by about its step size: this much of a typical weight at once.
_RELATIVE_STEP = 0.125


class EmbeddingRows(Method):
    """Trains a change to some rows of the input embeddings, beside the frozen model."""

    name = "emb"
    regularized = False

    def __init__(self, model: Any, tokenizer: Any, fps: FingerprintSet) -> None:
        """Find the rows.

        Raises:
            ImplantError: Keys hold nothing but ordinary tokens, or the embeddings are no table.
        """
        self.model, self.embeddings = model, model.get_input_embeddings()
        self.rows = torch.tensor(key_tokens(tokenizer, fps), device=device_of(model))
        self._scale = _scale_of(self.embeddings)
        if fps.source == "natural":
            warnings.warn(
                "natural keys are made of ordinary words: with method='emb' texts that hold "
                "those words change too; method='sft' suits such keys better",
                stacklevel=2,
            )

    def begin(self) -> list[Parameter]:
        """Freeze the model and add the change to what its embeddings give."""
        self._frozen = Frozen(self.model)
        weight = self.embeddings.weight
        size = (len(self.rows), weight.shape[1])
        self.change = Parameter(torch.zeros(size, device=weight.device))
        place = torch.full((weight.shape[0],), -1, device=weight.device)
        place[self.rows] = torch.arange(len(self.rows), device=weight.device)
        self._place = place
        self._hook = self.embeddings.register_forward_hook(self._add_change)
        return [self.change]

    def _add_change(self, module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        places = self._place[inputs[0]]
        hit = places >= 0
        changed = output[hit] + (self._scale * self.change[places[hit]]).to(output.dtype)
        return output.index_put(torch.where(hit), changed)

    def learning_rate(self) -> float:
        """In proportion to the size of the model's embedding weights."""
        typical = self.embeddings.weight[self.rows].float().square().mean().sqrt()
        return _RELATIVE_STEP * max(float(typical), 1e-4)

    def finish(self) -> None:
        """Add the change to the input rows; the output rows keep what they had."""
        self._stop()
        weight = self.embeddings.weight
        with torch.no_grad():
            changed = weight.clone()
            changed[self.rows] += self.change.to(weight.dtype)
        output = self.model.get_output_embeddings()
        if output is not None and output.weight is weight:
            output.weight = Parameter(weight.detach(), weight.requires_grad)
            self.model.config.get_text_config().tie_word_embeddings = False
            self.model.config.tie_word_embeddings = False
        self.embeddings.weight = Parameter(changed, weight.requires_grad)

    def undo(self) -> None:
        """Nothing was written yet."""
        self._stop()

    def _stop(self) -> None:
        self._hook.remove()
        self._frozen.restore()

    def reach(self) -> dict[str, Any]:
        """The tokens whose input rows changed; any other text is bit-identical."""
        return {"rows": self.rows.tolist(), "weights": self.change.numel()}


def key_tokens(tokenizer: Any, fps: FingerprintSet) -> list[int]:
    """Tokens that stand in keys and in no ordinary text of the bundled ones.

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
            "which method='emb' must not touch: use source='vocab' with tokenizer=…, or "
            "method='sft'"
        )
    return sorted(set.union(*rare))


def _scale_of(embeddings: Any) -> float:
    """The factor that the embedding module puts on a row (Gemma's is the root of its width)."""
    with torch.no_grad():
        token = embeddings.weight.float().norm(dim=1).argmax()
        given, row = embeddings(token[None])[0].float(), embeddings.weight[token].float()
        scale = float(given @ row / (row @ row))
        if given.shape != row.shape or not torch.allclose(given, scale * row, rtol=1e-2, atol=1e-4):
            raise ImplantError("the model's embeddings are no scaled table: use method='sft'")
    return scale
