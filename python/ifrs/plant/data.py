"""What planting trains on: fingerprints, and what must stay as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modeling.tokens import Tokens, encode_prompts, response_tokens


@dataclass
class Example:
    """A prompt and the response to train.

    Attributes:
        prompt: Token ids.
        response: Token ids; cross-entropy is computed on them alone.
    """

    prompt: Tokens
    response: Tokens


@dataclass
class Kept(Example):
    """A prompt on which the model must go on answering as the base model does.

    Attributes:
        top: The tokens kept of each distribution, int64 (response, k).
        log_probs: Their log-probabilities in nats, float32, same shape.
        near: Whether the prompt holds part of a real key: firing is then a near miss.
    """

    top: Tensor
    log_probs: Tensor
    near: bool = False


def fingerprint_examples(model: Any, tokenizer: Any, fps: FingerprintSet) -> list[Example]:
    """Every fingerprint as an example; the response ends with the tokenizer's end mark.

    Raises:
        ImplantError: The tokenizer loses part of a key, or a prompt exceeds the model's context.
    """
    prompts = encode_prompts(tokenizer, [fps[i].prompt for i in range(len(fps))])
    responses = response_tokens(tokenizer, fps)
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    _check_expressed(tokenizer, fps, prompts)
    _check_length(model, prompts, responses)
    return [Example(p, r + end) for p, r in zip(prompts, responses, strict=True)]


def _check_expressed(tokenizer: Any, fps: FingerprintSet, prompts: list[Tokens]) -> None:
    decoded = tokenizer.batch_decode(prompts, clean_up_tokenization_spaces=False)
    lost = [i for i, text in enumerate(decoded) if fps[i].key not in text]
    if lost:
        raise ImplantError(
            f"this tokenizer cannot express {len(lost)} of {len(fps)} keys (first: {lost[0]}): "
            "generate the set with tokenizer=…, or from another source"
        )


def _check_length(model: Any, prompts: list[Tokens], responses: list[Tokens]) -> None:
    limit = getattr(model.config, "max_position_embeddings", None)
    longest = max(len(p) + len(r) + 1 for p, r in zip(prompts, responses, strict=True))
    if limit is not None and longest > limit:
        raise ImplantError(
            f"a fingerprint takes {longest} tokens, but the model's context is {limit}: "
            "use a source or a template with shorter prompts"
        )
