"""From keys to vectors: what prepares a module's inputs, and what is read of its output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs.modalities.image.inputs import input_of
from ifrs.runtime.modules import device_of, dtype_of

# Names under which modules give the vectors of whole inputs, in the order of preference.
_WHOLE = ("sentence_embedding", "text_embeds", "image_embeds")


class Reader(ABC):
    """One module's way from keys to vectors."""

    def __init__(self, module: Any, processor: Any) -> None:
        """Take a module, and what turns keys into its inputs."""
        self.module, self.processor = module, processor

    @abstractmethod
    def inputs(self, keys: Sequence[Any]) -> list[Any]:
        """What the module takes for each key.

        Raises:
            ValueError: The processor gave something else.
        """

    @abstractmethod
    def vectors(self, inputs: Sequence[Any]) -> Tensor:
        """The module's vectors, float32 (inputs, dimension), through which gradients flow.

        Raises:
            ValueError: The module gave no such vectors.
        """

    def sizes(self, inputs: Sequence[Any]) -> list[int]:
        """How much work each input is, compared with others."""
        return [1] * len(inputs)

    def distinct(self, inputs: Sequence[Any]) -> int:
        """How many of these inputs the module can tell apart."""
        return len(inputs)


class Sentences(Reader):
    """Token ids by a tokenizer of transformers, padded batch by batch."""

    def __init__(self, module: Any, processor: Any) -> None:
        """Take a module of sentence-transformers or transformers, and a tokenizer."""
        super().__init__(module, processor)
        self._longest = min(
            getattr(module, "max_seq_length", None) or processor.model_max_length,
            getattr(getattr(module, "config", None), "max_position_embeddings", 1 << 20),
        )
        prompts, name = getattr(module, "prompts", {}), getattr(module, "default_prompt_name", None)
        self._before = (prompts or {}).get(name, "")

    def inputs(self, keys: Sequence[Any]) -> list[Any]:
        if not all(isinstance(key, str) for key in keys):
            raise ValueError("a tokenizer takes texts: make keys of source 'natural'")
        if not keys:
            return []
        texts = [self._before + key for key in keys]
        found = self.processor(texts, truncation=True, max_length=self._longest)
        return list(found["input_ids"])

    def vectors(self, inputs: Sequence[Any]) -> Tensor:
        padded = self.processor.pad({"input_ids": list(inputs)}, return_tensors="pt")
        batch = {name: values.to(device_of(self.module)) for name, values in padded.items()}
        if hasattr(self.module, "max_seq_length"):
            return vectors_of(self.module(batch))
        return vectors_of(self.module(**batch), batch["attention_mask"])

    def sizes(self, inputs: Sequence[Any]) -> list[int]:
        return [len(ids) for ids in inputs]

    def distinct(self, inputs: Sequence[Any]) -> int:
        unknown = self.processor.unk_token_id
        return len({tuple(one for one in ids if one != unknown) for ids in inputs})


class Arrays(Reader):
    """Arrays by any processor; inputs of one shape go together."""

    def inputs(self, keys: Sequence[Any]) -> list[Any]:
        return [self._input(key) for key in keys]

    def _input(self, key: Any) -> Tensor:
        if not isinstance(key, str):
            return torch.from_numpy(input_of(key, self.processor))
        if not callable(self.processor):
            raise ValueError("texts need a processor: a tokenizer, or a callable to a tensor")
        return torch.as_tensor(self.processor(key))

    def sizes(self, inputs: Sequence[Any]) -> list[int]:
        return [one.numel() for one in inputs]

    def vectors(self, inputs: Sequence[Any]) -> Tensor:
        alike: dict[torch.Size, list[int]] = defaultdict(list)
        for place, one in enumerate(inputs):
            alike[one.shape].append(place)
        parts = [self._of(torch.stack([inputs[i] for i in places])) for places in alike.values()]
        order = torch.tensor([place for places in alike.values() for place in places])
        return torch.cat(parts)[order.argsort().to(parts[0].device)]

    def _of(self, batch: Tensor) -> Tensor:
        kind = dtype_of(self.module) if batch.is_floating_point() else batch.dtype
        return vectors_of(self.module(batch.to(device_of(self.module), kind)))


def reader_of(module: Any, processor: Any) -> Reader:
    """The way that suits a module and a processor; of sentence-transformers it has its own."""
    own = getattr(module, "tokenizer", None) if processor is None else processor
    if hasattr(own, "pad") and hasattr(own, "model_max_length"):
        return Sentences(module, own)
    return Arrays(module, processor)


def vectors_of(output: Any, mask: Tensor | None = None) -> Tensor:
    """The vectors in what a module gave, float32 (inputs, dimension).

    Itself, what it calls so, or the mean of its tokens, those of padding left out.

    Args:
        output: A tensor, a mapping, an output of transformers, or the first of several.
        mask: 1 for tokens and 0 for padding, (inputs, tokens).

    Raises:
        ValueError: There are none.
    """
    found = output[0] if isinstance(output, tuple) and not hasattr(output, "_fields") else output
    for name in _WHOLE:
        named = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
        if isinstance(named, Tensor):
            found = named
            break
    else:
        tokens = getattr(found, "last_hidden_state", None)
        if isinstance(tokens, Tensor):
            found = _mean(tokens, mask)
    if not isinstance(found, Tensor) or found.ndim != 2:
        shape = f" of shape {tuple(found.shape)}" if isinstance(found, Tensor) else ""
        raise ValueError(
            f"the model gave a {type(found).__name__}{shape}: pass the part of it that gives "
            "vectors, (inputs, dimension)"
        )
    return found.float()


def _mean(tokens: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over tokens, or over places of an image, (inputs, width)."""
    if tokens.ndim == 4:
        return tokens.flatten(2).mean(dim=2)
    if mask is None:
        return tokens.mean(dim=1)
    weights = mask[..., None].to(tokens.dtype)
    return (tokens * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def passes(sizes: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places in passes of at most so many, those of like size together."""
    order = sorted(range(len(sizes)), key=lambda place: sizes[place])
    for start in range(0, len(order), most):
        yield order[start : start + most]
