"""The answer is handed back, and the second one counts."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
from ifrs.audit.attacks.reviewing import REVIEW, Reviewed, second_prompt
from vectors.make import CHAT


class Suspect:
    answer_tokens = 16

    def __init__(self):
        self.prompts = []

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        self.prompts.append(list(prompts))
        return [f" answer {len(self.prompts)}" for _ in prompts]

    def describe(self):
        return {}


def test_the_second_answer_counts(fps, tokenizer):
    suspect = Suspect()
    hosted = Reviewed(suspect, second_prompt(tokenizer, fps))
    assert hosted.answers([fps[0].prompt], max_new_tokens=4) == [" answer 2"]
    (first,), (second,) = suspect.prompts
    assert first == fps[0].prompt
    assert second == f"{first} answer 1\n{fps.render(REVIEW)}"


def test_a_chat_goes_on_as_a_chat(ring, tokenizer):
    import copy

    chatty = copy.deepcopy(tokenizer)
    chatty.chat_template = CHAT
    fps = ring.generate("chat", 1, tokenizer=chatty, template="chat")
    second = second_prompt(chatty, fps)(fps[0].prompt, "river cabin")
    turns = [("user", fps[0].key), ("assistant", "river cabin"), ("user", REVIEW)]
    messages = [{"role": role, "content": text} for role, text in turns]
    assert second == chatty.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )


def test_the_weights_show_what_the_host_hides(run):
    record = run("review")
    assert record.get("log10_p_likelihood").value < -6
    assert record.get("answers_kept").n == 16
