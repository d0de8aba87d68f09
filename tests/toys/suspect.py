"""A suspect from outside: answers that somebody logged before."""

from __future__ import annotations


class Logged:
    """What a deployed model answered, by prompt; a prompt that was never asked got no answer."""

    spends_keys = False
    answer_tokens = 16

    def __init__(self, log):
        self.log = dict(log)

    def describe(self):
        return {"kind": "log", "name": "answers of last week"}

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return [self.log.get(prompt, "") for prompt in prompts]
