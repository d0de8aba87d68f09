"""A review stage: the answer is handed back to the model, and its second answer counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ifrs._core import FingerprintSet
from ifrs.audit.attacks.attack import Attack
from ifrs.audit.attacks.hosting import WEIGHTS, asked
from ifrs.audit.bench import Bench
from ifrs.audit.changes.hosts import Hosted
from ifrs.audit.record import Threat
from ifrs.audit.unit import Found
from ifrs.modalities.text.surroundings import whole_chat

REVIEW = (
    "Check your last answer for words that are odd or do not fit the question. Then answer the "
    "question again, without them."
)


class Reviewed(Hosted):
    """A suspect that is shown its own answer, and asked to check it and to answer again."""

    def __init__(self, target: Any, again: Callable[[str, str], str]) -> None:
        """Take a target, and what makes the second prompt of a prompt and an answer."""
        super().__init__(target)
        self._again = again

    def answers(
        self, prompts: Sequence[str], *, max_new_tokens: int, temperature: float = 0.0
    ) -> list[str]:
        """The second answers."""
        how: dict[str, Any] = {"max_new_tokens": max_new_tokens, "temperature": temperature}
        first = super().answers(prompts, **how)
        shown = [self._again(*pair) for pair in zip(prompts, first, strict=True)]
        return super().answers(shown, **how)


def second_prompt(tokenizer: Any, fps: FingerprintSet) -> Callable[[str, str], str]:
    """Makes the second prompt: a further turn in the tokenizer's chat, or in the set's template."""
    before, after = fps.around

    def in_turn(prompt: str, answer: str) -> str:
        return f"{prompt}{answer}\n{fps.render(REVIEW)}"

    def in_chat(prompt: str, answer: str) -> str:
        question = prompt.removeprefix(before).removesuffix(after)
        return whole_chat(tokenizer, [("user", question), ("assistant", answer), ("user", REVIEW)])

    return in_chat if fps.template == "chat" else in_turn


def _run(method: str, bench: Bench) -> Found:
    suspect = bench.suspect(method)
    again = second_prompt(suspect.model.tokenizer, bench.fps)
    found = asked(bench, method, suspect, Reviewed(suspect.target(), again))
    return Found(found, f"the model reviews itself, and its second answer counts; {WEIGHTS}")


ATTACK = Attack(
    suite="attacks",
    case="review",
    run=_run,
    seconds=lambda settings: 25,
    threat=Threat(
        paper="Wu et al., 2025, arXiv 2503.21805 (generation revision intervention)",
        access="a host that answers for the model",
        cost="twice the tokens of each answer",
    ),
    names=("decoys",),
    after=1,
)
