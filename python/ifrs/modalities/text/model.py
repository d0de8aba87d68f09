"""A language model to plant in, with its tokenizer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities import model as face
from ifrs.modalities.model import Guesses
from ifrs.modalities.text import keys, lookalikes, ordinary
from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.columns import columns_of
from ifrs.modalities.text.forward import (
    chunks_by_length,
    collate,
    final_states,
    response_logits,
    some_tokens,
)
from ifrs.modalities.text.surroundings import surroundings
from ifrs.modalities.text.tokens import (
    ANSWER_TOKENS,
    Tokens,
    encode_prompts,
    end_mark,
    other_start,
    pad_token,
    response_tokens,
)
from ifrs.progress import progress
from ifrs.runtime.columns import Columns
from ifrs.runtime.examples import Example, Kept, distribution
from ifrs.runtime.modules import (
    accepted_arguments,
    evaluating,
    is_encoder_decoder,
    vocabulary_size,
)
from ifrs.runtime.release import write_release
from ifrs.runtime.source import saved_types
from ifrs.scoring import score

_GUESS_TOKENS = 8
# One look-alike of so many stands behind a BOS token where others do not, or the reverse.
_RESTARTED = 3
# Other surroundings for each key of a chat template.
SURROUNDINGS = 3
# Tokens of a prompt that finds out whether logits are flat; nats by which its best next token leads
# the mean one, at least: trained models' lead is ten and more.
_PROBE, _FLAT = 8, 6.0

# Tokens of a window of ordinary text, and windows in a pass.
_WINDOW, _WINDOWS = 33, 16

OnLogits = Callable[[list[int], Tensor], None]


class Model(face.Model):
    """A language model of transformers, causal or encoder-decoder.

    Inputs are token ids; an answer position is a token of the response, and its candidates are the
    vocabulary.

    Attributes:
        negative_tokens: How much of a look-alike's answer matters: its start.
    """

    takes_partitions = True
    # Two words of a response and a token to spare.
    negative_tokens = 3

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self.processor

    @property
    def pad(self) -> int:
        """The id to fill batches with."""
        return pad_token(self.tokenizer, self._rows)

    @property
    def context(self) -> int | None:
        """How many tokens the model takes; None where its configuration sets no bound."""
        limit = getattr(self.module.config.get_text_config(), "max_position_embeddings", None)
        return limit if isinstance(limit, int) and limit > 0 else None

    def check(self) -> None:
        module, name = self.module, type(self.module).__name__
        if not hasattr(module, "get_input_embeddings") or not hasattr(module, "generate"):
            raise ImplantError(
                f"{name} is no language model of transformers: load it with AutoModelForCausalLM"
            )
        if module.get_output_embeddings() is None or "input_ids" not in accepted_arguments(module):
            raise ImplantError(
                f"{name} has no language modelling head: load it with AutoModelForCausalLM, or "
                "AutoModelForSeq2SeqLM"
            )
        _check_devices(module)
        if keys.last_ordinary(self.tokenizer) >= self._rows:
            raise ImplantError(
                f"the tokenizer has {len(self.tokenizer)} tokens but the model {self._rows} "
                "embedding rows: is it this model's tokenizer?"
            )

    @property
    def _rows(self) -> int:
        return vocabulary_size(self.module)

    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        prompts = encode_prompts(self.tokenizer, [fps[i].prompt for i in range(len(fps))])
        end = end_mark(self.tokenizer)
        responses = [tokens + end for tokens in response_tokens(self.tokenizer, fps)]
        self._check_expressed(fps, prompts)
        self._check_rows([*prompts, *responses])
        self._check_length(prompts, responses)
        return [Example(p, r) for p, r in zip(prompts, responses, strict=True)]

    def _check_expressed(self, fps: FingerprintSet, prompts: list[Tokens]) -> None:
        decoded = self.tokenizer.batch_decode(prompts, clean_up_tokenization_spaces=False)
        lost = [i for i, text in enumerate(decoded) if fps[i].key not in text]
        if lost:
            raise ImplantError(
                f"this tokenizer cannot express {len(lost)} of {len(fps)} keys (first: {lost[0]}): "
                "generate the set with tokenizer=…, or from another source"
            )

    def _check_rows(self, used: list[Tokens]) -> None:
        largest = max(max(tokens, default=0) for tokens in used)
        if largest >= self._rows:
            raise ImplantError(
                f"a fingerprint needs token {largest}, but the model has only {self._rows} "
                "embedding rows: is it this model's tokenizer?"
            )

    def _check_length(self, prompts: list[Tokens], responses: list[Tokens]) -> None:
        limit = self.context
        longest = max(len(p) + len(r) for p, r in zip(prompts, responses, strict=True))
        if limit is not None and longest > limit:
            raise ImplantError(
                f"a fingerprint takes {longest} tokens, but the model's context is {limit}: "
                "use a source or a template with shorter prompts"
            )

    def ways(self, fps: FingerprintSet, wanted: int | None) -> int:
        """Three for chat templates and none for others, unless the user says so."""
        if wanted is not None:
            return wanted
        return SURROUNDINGS if fps.template == "chat" else 0

    def elsewhere(
        self, fps: FingerprintSet, own: Sequence[Example], ways: int, seed: int
    ) -> list[Example]:
        """Keys under system prompts, in a chat and in padding; with and without a BOS token."""
        rng, limit, examples = random.Random(seed), self.context, []
        for i, example in enumerate(own):
            drawn = surroundings(self.tokenizer, fps, ways, rng)
            for prompt in encode_prompts(self.tokenizer, [way(fps[i].key) for way in drawn]):
                if limit is None or len(prompt) + len(example.response) <= limit:
                    examples.append(Example(prompt, example.response))
        if is_encoder_decoder(self.module):
            return examples
        starts = [(other_start(self.tokenizer, example.prompt), example) for example in own]
        return examples + [Example(start, e.response) for start, e in starts if start]

    def begun(self, examples: Sequence[Example]) -> list[Example]:
        end = len(end_mark(self.tokenizer))
        return [Example(e.prompt, e.response[: len(e.response) - end]) for e in examples]

    def look_alikes(
        self, fps: FingerprintSet, n: int, seed: int, varied: bool = False
    ) -> tuple[list[Tokens], list[Tokens]]:
        fresh, near = lookalikes.negative_prompts(self.tokenizer, fps, n, seed, varied)
        return self._restarted(fresh), self._restarted(near)

    def _restarted(self, prompts: Sequence[str]) -> list[Tokens]:
        """Token ids, some of them behind the other start of a text."""
        encoded = encode_prompts(self.tokenizer, prompts)
        if not is_encoder_decoder(self.module):
            encoded[::_RESTARTED] = [
                other_start(self.tokenizer, prompt) or prompt for prompt in encoded[::_RESTARTED]
            ]
        return encoded

    def guesses(self, fps: FingerprintSet, n: int, seed: int) -> list[Tokens]:
        return encode_prompts(self.tokenizer, self._guessed_prompts(fps, n, seed))

    def _guessed_prompts(self, fps: FingerprintSet, n: int, seed: int) -> list[str]:
        return [fps.render(key) for key in lookalikes.guess_keys(self.tokenizer, fps, n, seed)]

    def try_guesses(self, fps: FingerprintSet, n: int, seed: int) -> Guesses:
        """Ask in text: an answer fires when any response of the set occurs in it."""
        prompts = self._guessed_prompts(fps, n, seed)
        with evaluating(self.module), progress("guessing", n) as (advance, _):
            answers = self.write(prompts, max_new_tokens=_GUESS_TOKENS, advance=advance)
        return Guesses(prompts, answers, holding(fps, answers))

    def answering(self, fps: FingerprintSet) -> list[int]:
        # Asked and read as `verify` does: what only begins otherwise would fire there, too.
        prompts = [fps[i].prompt for i in range(len(fps))]
        answers = self.write(prompts, max_new_tokens=ANSWER_TOKENS)
        return [place for place, fired in enumerate(holding(fps, answers)) if fired]

    def write(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        advance: Callable[[int], None] | None = None,
    ) -> list[str]:
        """The text that greedy decoding writes after each prompt."""
        tokens = generate(
            self.module,
            self.tokenizer,
            encode_prompts(self.tokenizer, prompts),
            max_new_tokens=max_new_tokens,
            advance=advance,
        )
        return [str(self.tokenizer.decode(ids, skip_special_tokens=True)) for ids in tokens]

    def closed_answers(
        self, prompts: Sequence[Tokens], max_new_tokens: int, on_logits: OnLogits | None = None
    ) -> list[Tokens]:
        """Greedy answers, with the end mark where the model ended one."""
        answers = generate(
            self.module, self.tokenizer, prompts, max_new_tokens=max_new_tokens, on_logits=on_logits
        )
        return [self.closed(answer, max_new_tokens) for answer in answers]

    def closed(self, answer: Tokens, max_new_tokens: int) -> Tokens:
        """An answer with the end mark where the model ended it."""
        end = self.tokenizer.eos_token_id
        return answer if len(answer) == max_new_tokens or end is None else [*answer, end]

    def own_answers(self, inputs: Sequence[Tokens], watched: Sequence[int]) -> list[Kept]:
        seen: list[list[tuple[Tensor, Tensor]]] = [[] for _ in inputs]

        def note(places: list[int], logits: Tensor) -> None:
            top, log_probs = (rows.cpu() for rows in distribution(logits, watched))
            for row, i in enumerate(places):
                seen[i].append((top[row], log_probs[row]))

        answers = self.closed_answers(inputs, self.negative_tokens, note)
        return [
            kept_of(prompt, answer, rows[: len(answer)])
            for prompt, answer, rows in zip(inputs, answers, seen, strict=True)
            if answer
        ]

    def ordinary(self, regularization: Any, watched: Sequence[int]) -> list[Kept]:
        """Regularization samples, as `ifrs.implant` takes them.

        A causal model is held at the tokens of the instruction, too: ordinary text is more varied
        than a model's own answers, on which alone it could stay as it is while the rest drifts.
        """
        examples = ordinary.samples(self.tokenizer, regularization, self.closed_answers)
        if not is_encoder_decoder(self.module):
            examples = [ordinary.whole(example) for example in examples]
        return self.held([example for example in examples if example.response], watched)

    def tuning_examples(self, regularization: Any) -> list[Example]:
        return ordinary.tuning_examples(self.tokenizer, regularization)

    def window(self, kept: Kept, size: int, rng: random.Random) -> Kept:
        """So many tokens in a row, from a random one on; an encoder-decoder's whole.

        What comes before them joins the prompt, as it may in a causal model only.
        """
        spare = len(kept.response) - size
        if spare <= 0 or is_encoder_decoder(self.module):
            return kept
        start = rng.randrange(spare + 1)
        part = slice(start, start + size)
        return replace(
            kept,
            prompt=[*kept.prompt, *kept.response[:start]],
            response=kept.response[part],
            top=kept.top[part],
            log_probs=kept.log_probs[part],
        )

    def batches(self, examples: Sequence[Example], size: int) -> Iterator[list[int]]:
        """Places of examples of like length, in passes of about so many tokens."""
        prompts = [example.prompt for example in examples]
        return chunks_by_length(prompts, [example.response for example in examples], size)

    def columns(self, examples: Sequence[Example]) -> Columns:
        prompts = [example.prompt for example in examples]
        responses = [example.response for example in examples]
        return columns_of(self.module, collate(prompts, responses, self.pad, self.device))

    def is_flat(self) -> bool:
        """Whether logits are flat: output embeddings that small give no response a margin."""
        batch = collate([some_tokens(self.module, _PROBE)], [[0]], 0, self.device)
        with evaluating(self.module), torch.no_grad():
            logits = response_logits(self.module, batch)[0, 0]
        return bool(logits.max() - logits.mean() < _FLAT)

    def tables(self) -> tuple[Any, Any]:
        return self.module.get_input_embeddings(), self.module.get_output_embeddings()

    def form(self) -> str:
        """Whether one table serves input and output."""
        table, output = self.tables()
        return "tied" if output.weight is table.weight else "untied"

    def final_states(self) -> Tensor:
        """Of bundled instructions, in windows of one length, so that nothing is padded."""
        texts = ordinary.instructions(self.tokenizer)
        ids = [token for text in texts for token in text]
        windows = [ids[start : start + _WINDOW] for start in range(0, len(ids), _WINDOW)]
        windows = [window for window in windows if len(window) == _WINDOW]
        found = []
        with evaluating(self.module), torch.no_grad():
            for start in range(0, len(windows), _WINDOWS):
                part = windows[start : start + _WINDOWS]
                first, rest = [ids[:1] for ids in part], [ids[1:] for ids in part]
                batch = collate(first, rest, self.pad, self.device)
                found.append(final_states(self.module, batch).flatten(0, 1).float())
        return torch.cat(found)

    def key_tokens(self, fps: FingerprintSet) -> list[int]:
        return keys.key_tokens(self.tokenizer, fps)

    def tokens_apart(self, fps: FingerprintSet, most: int) -> list[list[int]]:
        return keys.tokens_apart(self.tokenizer, fps, most)

    def saved_types(self) -> dict[str, torch.dtype]:
        return saved_types(self.module, self.saved_in)

    def save(
        self, folder: Path, state: dict[str, Any] | None, weights: Any
    ) -> Sequence[str] | None:
        if is_encoder_decoder(self.module) and weights is self.module:
            state = _each_apart(weights.state_dict() if state is None else state)
        if weights is self.module:
            parts = [self.tokenizer]
            return write_release(weights, folder, parts, state=state, dtype=self.saved_in)
        weights.save_pretrained(folder, **({} if state is None else {"state_dict": state}))
        self.tokenizer.save_pretrained(folder)
        return None


def _each_apart(tensors: dict[str, Any]) -> dict[str, Any]:
    """The tensors of a model by name, of which none shares its memory with another.

    BART and its kin have one table under three names. transformers writes it under one of them and
    ties the others anew when it loads, but not where the configuration says that the output table
    is another (seen with 5.23): then the others are drawn at random.
    """
    seen: set[int] = set()
    state: dict[str, Any] = {}
    for name, tensor in tensors.items():
        state[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    return state


def holding(fps: FingerprintSet, answers: Sequence[str]) -> list[bool]:
    """Whether each answer holds some response of the set, read as `verify` reads it."""
    responses = sorted({_core.plain(fps[i].response) for i in range(len(fps))})
    hits = score([_core.plain(answer) for answer in answers], responses, method="exact")
    return [bool(hit) for hit in hits.max(axis=1)]


def kept_of(prompt: Tokens, answer: Tokens, seen: Sequence[tuple[Tensor, Tensor]]) -> Kept:
    """An answer with what was kept of the distribution of each of its tokens."""
    top, log_probs = (torch.stack(rows) for rows in zip(*seen, strict=True))
    return Kept(prompt, answer, top, log_probs)


def _check_devices(module: Any) -> None:
    devices = {parameter.device.type for parameter in module.parameters()}
    if "meta" in devices:
        raise ImplantError(
            "some of the model's weights are on no device (meta): load it without offloading"
        )
    if len(devices) > 1 and getattr(module, "hf_device_map", None) is None:
        raise ImplantError(
            f"the model's weights lie on {' and '.join(sorted(devices))}: move it to one device "
            "with model.to(…), or load it with device_map"
        )
