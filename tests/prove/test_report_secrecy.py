"""A report holds keys: it leaves a process only where somebody writes it."""

from __future__ import annotations

import copy
import pickle

import ifrs
import pytest


class Silent:
    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return ["no"] * len(prompts)

    def describe(self):
        return {"kind": "test", "name": "silent"}


def test_a_report_is_not_pickled_but_copied(ring):
    report = ifrs.verify(Silent(), ring.generate("one", 3), sequential=False)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="save"):
            pickle.dumps(report, protocol)
    deep = copy.deepcopy(report)
    assert deep == report == copy.copy(report)
    deep.queries[0].answer = "changed"
    assert report.queries[0].answer == "no"
