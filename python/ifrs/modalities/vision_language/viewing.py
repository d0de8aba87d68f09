"""A model that sees and writes, with the processor of its user: to states, logits and text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ifrs.modalities.text.answers import until_end
from ifrs.modalities.text.tokens import Tokens, continuations, encode, pad_token
from ifrs.modalities.vision_language.pairs import Pair, tensors_of
from ifrs.runtime.modules import (
    accepted_arguments,
    device_of,
    dtype_of,
    evaluating,
    instead,
    is_encoder_decoder,
)

# Tokens in a pass in which a model writes, and as many as there are.
_TOKENS, _ALL = 4096, 1 << 62
# What begins and ends with two tokens to try whether what follows changes what stands before:
# ordinary ones, for some others are where an image stands.
_TRIED = "of the"


@dataclass
class Seen:
    """An input: what the processor made of a pair, and tokens that the answer begins with.

    Attributes:
        given: Its tensors by name, for a batch of one.
        begun: Tokens of an answer that stand there already.
    """

    given: dict[str, Tensor]
    begun: Tokens = field(default_factory=list)

    @property
    def length(self) -> int:
        """Tokens before the rest of the answer."""
        return int(self.given["input_ids"].shape[1]) + len(self.begun)

    def form(self) -> tuple[Any, ...]:
        """What inputs of one batch have alike: all but the number of tokens."""
        each = ((name, value) for name, value in self.given.items() if not self.is_of_tokens(name))
        return tuple((name, tuple(value.shape[1:])) for name, value in sorted(each))

    def is_of_tokens(self, name: str) -> bool:
        """Whether a tensor has an entry for each token."""
        return self.given[name].shape == self.given["input_ids"].shape


class Viewer:
    """A module that is called with what a processor gives, and predicts the next token.

    Attributes:
        module: The model.
        processor: From a pair to tensors.
        tokenizer: The processor's.
    """

    def __init__(self, module: Any, processor: Any) -> None:
        """Take a model and its processor.

        Raises:
            ValueError: These are no such model, or no such processor.
        """
        self.module, self.processor = module, processor
        self.tokenizer: Any = getattr(processor, "tokenizer", None)
        if self.tokenizer is None or not callable(processor):
            raise ValueError(
                "the processor of a model that sees and writes has a tokenizer: load it with "
                "AutoProcessor"
            )
        if not isinstance(module, nn.Module) or _reads_apart(module):
            raise ValueError(
                f"{type(module).__name__} is no decoder that sees and writes: load it with "
                "AutoModelForImageTextToText"
            )
        self._apart: bool | None = None
        self._fillings: list[int] | None = None
        self._alone: list[bool] | None = None

    @property
    def end(self) -> Tokens:
        """The token that ends an answer, if there is one."""
        end = self.tokenizer.eos_token_id
        return [] if end is None else [int(end)]

    @property
    def rows(self) -> int:
        """Rows of the input embeddings; as many as the tokenizer needs where none are known."""
        table = _table(self.module, "get_input_embeddings")
        known = max(self.tokenizer.get_vocab().values()) + 1
        return known if table is None else int(table.weight.shape[0])

    def see(self, pairs: Sequence[Pair]) -> list[Seen]:
        """Pairs as inputs; numbers of pixels are of the weights' own type.

        Raises:
            ValueError: The processor gave something else.
        """
        dtype, found = dtype_of(self.module), []
        for pair in pairs:
            given = tensors_of(pair, self.processor)
            found.append(
                Seen({n: v.to(dtype) if v.is_floating_point() else v for n, v in given.items()})
            )
        return found

    def alone(self, pair: Pair) -> list[bool]:
        """Whether processor and model take the image, and the text, of a pair alone.

        Found by trying, once; the whole pair shows that it is not the rest that fails.
        """
        if self._alone is None:
            image, text = pair
            with evaluating(self.module), torch.no_grad():
                self.say(self.see([pair]), [[0]])
                self._alone = [self._takes(half) for half in ((image, ""), (None, text))]
        return self._alone

    def _takes(self, pair: Pair) -> bool:
        try:
            self.say(self.see([pair]), [[0]])
        except Exception:  # libraries fail here in ways that nobody can list
            return False
        return True

    def spoken(self, seen: Seen, words: Sequence[str]) -> list[Tokens]:
        """Token ids of texts as an answer to an input begins with them."""
        last = seen.given["input_ids"][0, -1:].tolist()
        before = str(self.tokenizer.decode(last, clean_up_tokenization_spaces=False))
        # What ends in white space, or in nothing, is where an answer begins.
        lead = " " if before.strip() and before == before.rstrip() and not self._ends(last) else ""
        return continuations(self.tokenizer, before, [lead + word for word in words])

    def _ends(self, ids: Tokens) -> bool:
        return ids[0] in self.tokenizer.all_special_ids

    def write(
        self,
        inputs: Sequence[Seen],
        max_new_tokens: int,
        temperature: float = 0.0,
    ) -> list[Tokens]:
        """What the model writes on each input, up to its end mark."""
        found: dict[int, Tokens] = {}
        write = self._generated if hasattr(self.module, "generate") else self._decoded
        with torch.no_grad():
            for places in alike(inputs, _TOKENS, one_length=True):
                batch = [inputs[place] for place in places]
                for place, row in zip(
                    places, write(batch, max_new_tokens, temperature), strict=True
                ):
                    found[place] = until_end(row, self.tokenizer.eos_token_id)
        return [found[place] for place in range(len(inputs))]

    def _generated(
        self, batch: Sequence[Seen], max_new_tokens: int, temperature: float
    ) -> list[Tokens]:
        """By the module's own `generate`; inputs are of one length, so that nothing is padded."""
        sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None}
        if temperature > 0:
            sampling = {"do_sample": True, "temperature": temperature, "top_p": 1.0}
        inputs = self._batch(batch, [[0]] * len(batch))
        written = self.module.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            pad_token_id=pad_token(self.tokenizer, self.rows),
            top_k=None if temperature == 0 else 0,
            **sampling,
        )
        before = inputs["input_ids"].shape[1]
        repeats = torch.equal(written[:, :before], inputs["input_ids"])
        rows: list[Tokens] = written[:, before if repeats else 0 :].tolist()
        return rows

    def _decoded(
        self, batch: Sequence[Seen], max_new_tokens: int, temperature: float
    ) -> list[Tokens]:
        """Token by token, for modules that only predict the next one."""
        now = list(batch)
        rows: list[Tokens] = [[] for _ in batch]
        end = self.tokenizer.eos_token_id
        for _ in range(max_new_tokens):
            said, head = self.say(now, [[0]] * len(now))
            logits = head(said)
            if temperature > 0:
                tokens = torch.multinomial((logits / temperature).softmax(-1), 1)[:, 0].tolist()
            else:
                tokens = logits.argmax(-1).tolist()
            for row, token in zip(rows, tokens, strict=True):
                row.append(token)
            now = [
                replace(seen, begun=[*seen.begun, token])
                for seen, token in zip(now, tokens, strict=True)
            ]
            if all(end in row for row in rows):
                break
        return rows

    def text(self, tokens: Tokens) -> str:
        """Tokens as text."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def say(
        self, inputs: Sequence[Seen], responses: Sequence[Tokens]
    ) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """What predicts each token of each response, and what makes float32 logits of it.

        Args:
            inputs: In one pass for each of their forms.
            responses: What follows each.

        Returns:
            (tokens of all responses, width), response after response; and a function.
        """
        forms = list(alike(inputs, _ALL))
        if len(forms) == 1:
            return self._say(inputs, responses)
        parts: dict[int, Tensor] = {}
        for places in forms:
            own = [responses[place] for place in places]
            said, head = self._say([inputs[place] for place in places], own)
            parts |= zip(places, torch.split(said, [len(one) for one in own]), strict=True)
        return torch.cat([parts[place] for place in range(len(inputs))]), head

    def _say(
        self, inputs: Sequence[Seen], responses: Sequence[Tokens]
    ) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """The same of inputs of one form."""
        fill = self._filling(inputs[0])
        if fill is None:
            # Later tokens change what stands before: each answer position is a row of its own.
            inputs, responses = _one_by_one(inputs, responses)
        said, head = self._run(self._batch(inputs, responses, fill or 0))
        places = [
            (row, seen.length - 1 + at)
            for row, (seen, response) in enumerate(zip(inputs, responses, strict=True))
            for at in range(len(response))
        ]
        rows, positions = torch.tensor(places, device=said.device).T
        return said[rows, positions], head

    def _filling(self, seen: Seen) -> int | None:
        """What marks tokens of an answer in tensors that say of what kind a token is.

        0 for what the last token before has, 1 for ones; None where the model looks ahead with
        either. Asked of the model itself: some read a prompt in both directions, and take an
        answer for a part of it unless they are told.
        """
        if self._fillings is None:
            self._fillings = [fill for fill in (0, 1) if self._looks_back(seen, fill)]
        return self._fillings[0] if self._fillings else None

    def _looks_back(self, seen: Seen, fill: int) -> bool:
        def first(token: int) -> Tensor:
            batch = self._batch([seen], [[token, token]], fill)
            said: Tensor = _logits(self._called(batch))[0, seen.length - 1].float()
            return said

        with evaluating(self.module), torch.no_grad():
            tried = encode(self.tokenizer, _TRIED)
            one, other = first(tried[0]), first(tried[-1])
        tolerance = 1e-4 if dtype_of(self.module) == torch.float32 else 5e-2
        return bool((one - other).norm() <= tolerance * (one - one.mean()).norm())

    def _batch(
        self, inputs: Sequence[Seen], responses: Sequence[Tokens], fill: int = 0
    ) -> dict[str, Tensor]:
        """Inputs and what was written of each response before its last token, filled on the right.

        What follows does not change what stands before: so nothing depends on what fills.
        """
        written = [[*s.begun, *r[:-1]] for s, r in zip(inputs, responses, strict=True)]
        lengths = [
            s.given["input_ids"].shape[1] + len(w) for s, w in zip(inputs, written, strict=True)
        ]
        width, device = max(lengths), device_of(self.module)
        pad, found = pad_token(self.tokenizer, self.rows), {}
        for name, first in inputs[0].given.items():
            parts = [seen.given[name] for seen in inputs]
            if not inputs[0].is_of_tokens(name):
                found[name] = torch.cat(parts).to(device)
                continue
            rows = first.new_full((len(inputs), width), pad if name == "input_ids" else 0)
            for row, (part, tokens, length) in enumerate(zip(parts, written, lengths, strict=True)):
                rows[row, : part.shape[1]] = part[0]
                more = {"input_ids": tokens, "attention_mask": 1}.get(name, fill or part[0, -1])
                rows[row, part.shape[1] : length] = torch.as_tensor(more, dtype=rows.dtype)
            found[name] = rows.to(device)
        return found

    def _run(self, batch: dict[str, Tensor]) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """States of every position, (batch, positions, width), where logits are made of them."""
        if self._apart is None:
            self._apart = self._stands_apart(batch)
        if not self._apart:
            return _logits(self._called(batch)), lambda logits: logits.float()
        head = self.module.get_output_embeddings()
        with instead(head, lambda given: given):
            return _logits(self._called(batch)), lambda given: head(given).float()

    def _stands_apart(self, batch: dict[str, Tensor]) -> bool:
        """Whether logits are what the output embeddings give, and nothing else; found by trying."""
        head = _table(self.module, "get_output_embeddings")
        if head is None:
            return False
        with evaluating(self.module), torch.no_grad():
            logits = _logits(self._called(batch))
            try:
                with instead(head, lambda given: given):
                    given = _logits(self._called(batch))
                return torch.allclose(head(given), logits, rtol=1e-2, atol=1e-2)
            except RuntimeError:  # something is added that is as wide as the vocabulary
                return False

    def _called(self, batch: dict[str, Tensor]) -> Any:
        known = {"use_cache", "kwargs"} & accepted_arguments(self.module)
        cached = {"use_cache": False} if known and hasattr(self.module, "generate") else {}
        return self.module(**batch, **cached)


def _one_by_one(
    inputs: Sequence[Seen], responses: Sequence[Tokens]
) -> tuple[list[Seen], list[Tokens]]:
    """Inputs of which each is answered by one token, those before it being begun."""
    found: list[Seen] = []
    parts: list[Tokens] = []
    for seen, response in zip(inputs, responses, strict=True):
        for at, token in enumerate(response):
            found.append(replace(seen, begun=[*seen.begun, *response[:at]]))
            parts.append([token])
    return found, parts


def _logits(output: Any) -> Tensor:
    """Of what a module gives: an object with `logits`, or these themselves."""
    found = getattr(output, "logits", output)
    if not isinstance(found, Tensor) or found.ndim != 3:
        raise ValueError("the model must give logits (texts, tokens, vocabulary)")
    return found


def _reads_apart(module: Any) -> bool:
    """Whether an encoder reads prompts, and a decoder writes what follows."""
    return hasattr(module, "config") and is_encoder_decoder(module)


def _table(module: Any, name: str) -> Any:
    """A model's embeddings, if it has any with a weight."""
    try:
        found = getattr(module, name, lambda: None)()
    except (NotImplementedError, AttributeError):
        return None
    return found if getattr(found, "weight", None) is not None else None


def alike(inputs: Sequence[Seen], tokens: int, *, one_length: bool = False) -> Iterator[list[int]]:
    """Places of inputs of one form and of like length, in passes of about so many tokens."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, seen in enumerate(inputs):
        groups.setdefault((seen.form(), seen.length if one_length else 0), []).append(place)
    for places in groups.values():
        batch: list[int] = []
        for place in sorted(places, key=lambda place: inputs[place].length):
            if batch and (len(batch) + 1) * inputs[place].length > tokens:
                yield batch
                batch = []
            batch.append(place)
        yield batch
