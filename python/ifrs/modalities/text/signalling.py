"""A language model that a signal is planted in: a slight preference over whole domains.

Its teacher is the model itself with a bonus on the logits of green tokens, in answers to a domain's
questions; everywhere else it stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ifrs import _core
from ifrs._core import FingerprintSet
from ifrs.errors import ImplantError
from ifrs.modalities.text import model as text
from ifrs.modalities.text.answers import generate
from ifrs.modalities.text.tokens import Tokens, encode, encode_prompts
from ifrs.runtime.examples import Example, Kept, distribution
from ifrs.runtime.modules import evaluating, is_encoder_decoder

# What stands before a token whose text is looked for: at the start of a text, some tokenizers
# leave its space out.
_ANCHOR = "a"
# How freely a teacher writes: less than it could, for a model is asked for what it says greedily.
_TEMPERATURE = 0.7


class Model(text.Model):
    """A language model of transformers, whose answers within a domain prefer green pairs."""

    guessed = False

    def fingerprints(self, fps: FingerprintSet) -> list[Example]:
        """None: a domain is no key that fires.

        Raises:
            ImplantError: Always.
        """
        raise ImplantError("keys of this set are domains: plant it by method='domain'")

    def begin_signal(self, fps: FingerprintSet) -> None:
        """Look at a set's colourings and this model's vocabulary.

        Raises:
            ImplantError: The model is no causal one.
        """
        if is_encoder_decoder(self.module):
            raise ImplantError("a signal is planted in causal language models")
        vocabulary = texts_of(self.tokenizer, self._rows)
        self._painters = [fps.painter(i, vocabulary) for i in range(len(fps))]

    def taught(
        self,
        fps: FingerprintSet,
        *,
        questions: int,
        tokens: int,
        bias: float,
        seed: int,
        advance: Callable[[int], None],
    ) -> list[Kept]:
        """What the teacher answers to questions of each domain, with its distributions.

        None of them is among those that `verify` asks.

        Args:
            fps: The set; `begin_signal` has seen it.
            questions: How many of each domain.
            tokens: The longest answer.
            bias: The bonus of green tokens, in nats.
            seed: Of what the teacher writes.
            advance: Called with the number of questions answered since the last call.
        """
        found: list[Kept] = []
        with torch.random.fork_rng(devices=[]), evaluating(self.module):
            torch.manual_seed(seed)
            for place, painter in enumerate(self._painters):
                prompts = encode_prompts(self.tokenizer, _practice(fps, place, questions))
                teacher = _Teacher(self.tokenizer, painter, bias)
                answers = generate(
                    self.module,
                    self.tokenizer,
                    prompts,
                    max_new_tokens=tokens,
                    temperature=_TEMPERATURE,
                    advance=advance,
                    processor=teacher.over,
                )
                for i, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
                    found += teacher.kept(i, prompt, self.closed(answer, tokens))
        return found

    def greens(self, fps: FingerprintSet, *, questions: int, tokens: int) -> list[dict[str, Any]]:
        """What this model's own greedy answers say of each domain's colourings.

        Returns:
            `rank` of the true colouring among its `candidates`, how many `pairs` there are, how
            many are `green` under it, and `rival`, the most of any other one.
        """
        found = []
        with evaluating(self.module):
            for place in range(len(fps)):
                said = self.write(_practice(fps, place, questions), max_new_tokens=tokens)
                (rank, of, _), pairs, green, spread = fps.tally(place, said)
                rival = max((n for n, alike in spread if n != green or alike > 1), default=0)
                one = {"rank": rank, "candidates": of, "pairs": pairs, "green": green}
                found.append({**one, "rival": rival})
        return found


def _practice(fps: FingerprintSet, place: int, count: int) -> list[str]:
    """Questions of a domain that no suspect is asked, as they are asked."""
    held_out = fps.questions(place)[_core.signal_questions()[-1] :]
    return [fps.render(question) for question in held_out[:count]]


class _Teacher:
    """Adds the bonus of green tokens to a batch's logits, and keeps what comes of it."""

    def __init__(self, tokenizer: Any, painter: _core.Painter, bias: float) -> None:
        self._tokenizer, self._painter, self._bias = tokenizer, painter, bias
        self._seen: dict[int, list[tuple[Tensor, Tensor]]] = {}

    def over(self, places: Sequence[int]) -> Callable[[Tensor, Tensor], Tensor]:
        """What changes the logits of one batch."""
        begins: list[int] = []

        def biased(ids: Tensor, logits: Tensor) -> Tensor:
            begins.append(ids.shape[1])
            written = self._tokenizer.batch_decode(ids[:, begins[0] :], skip_special_tokens=True)
            green = torch.from_numpy(self._painter.paint(written)).to(logits.device)
            logits = logits.float() + self._bias * green[:, : logits.shape[1]]
            top, log_probs = (rows.cpu() for rows in distribution(logits, []))
            for row, place in enumerate(places):
                self._seen.setdefault(place, []).append((top[row], log_probs[row]))
            return logits

        return biased

    def kept(self, place: int, prompt: Tokens, answer: Tokens) -> list[Kept]:
        """An answer with the distribution of each of its tokens; none of an empty one."""
        seen = self._seen.get(place, [])[: len(answer)]
        return [text.kept_of(prompt, answer[: len(seen)], seen)] if seen else []


def texts_of(tokenizer: Any, rows: int) -> list[str]:
    """The text of each token as it goes on with a text; of one that there is none, an empty one."""
    before = encode(tokenizer, _ANCHOR)
    known = len(tokenizer)
    pairs = [[*before, i] for i in range(min(rows, known))]
    decode: Any = tokenizer.batch_decode
    whole = decode(pairs, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    texts = [text.removeprefix(_ANCHOR) for text in whole]
    return texts + [""] * (rows - len(texts))
