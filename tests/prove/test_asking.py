"""Suspects of every shape: what they say of themselves, and what they leave unsaid."""

from __future__ import annotations

import ifrs
import pytest
from ifrs.modalities.suspect import Answer
from witnesses import Speaker, Thinker, knows


class Served(Speaker):
    """A suspect behind a server, in memory; it sends no more than `most` prompts."""

    most = 100

    def wording(self, fps, index):
        return fps[index].prompt

    def affordable(self, prompts, *, max_new_tokens):
        return len(prompts)

    def reach(self):
        pass

    def ask(self, prompts, *, max_new_tokens, temperature=0.0, on_answer=None):
        found = [Answer(self.answer(prompt), {"raw": ""}) for prompt in prompts[: self.most]]
        for place, answer in enumerate(found):
            on_answer(place, answer)
        return found + [None] * (len(prompts) - len(found))


@pytest.mark.parametrize(
    ("suspect", "name"), [(lambda f: Thinker(f, 1.0), "likelihoods"), (Served, "ask")]
)
def test_a_method_that_is_none_is_one_the_suspect_lacks(ring, suspect, name):
    fps = ring.generate("one", 6)
    lacking = suspect(knows(fps))
    setattr(lacking, name, None)
    report = ifrs.verify(lacking, fps)
    assert (report.kind, report.verdict, report.how["max_new_tokens"]) == ("text", "match", 16)
    assert ring.spent("one") == []


@pytest.mark.parametrize("of_its_own", [0, 1, None])
def test_a_suspect_without_a_server_is_asked_all_at_once(ring, of_its_own):
    class Own(Speaker):
        max_concurrency = of_its_own

        def answers(self, prompts, **how):
            sizes.append(len(prompts))
            return super().answers(prompts, **how)

    fps, sizes = ring.generate("one", 6), []
    report = ifrs.verify(Own(knows(fps)), fps, sequential=False)
    assert (report.verdict, report.test, sizes) == ("match", "exact", [6])


def test_an_attribute_that_is_none_says_nothing(ring):
    fps = ring.generate("one", 6)
    suspect = Speaker(knows(fps))
    suspect.spends_keys = suspect.address = suspect.answer_tokens = None
    report = ifrs.verify(suspect, fps)
    assert report.how["sequential"]
    assert report.how["max_new_tokens"] == 16
    assert all(query.spent for query in report.queries)
    assert ring.spent("one") == []


def test_an_address_of_any_type_is_journalled_as_text(ring):
    fps = ring.generate("one", 6)
    suspect = Speaker(knows(fps))
    suspect.address = ("localhost", 8000)
    report = ifrs.verify(suspect, fps)
    assert report.verdict == "match"
    assert ring.spent("one") == [query.index for query in report.queries]


class Open(Served, Thinker):
    """A server that shows probabilities."""

    most = 2


def test_a_server_that_shows_probabilities_answers_every_key(ring):
    fps = ring.generate("one", 6)
    report = ifrs.verify(Open(knows(fps), 1.0), fps)
    assert (report.kind, report.verdict, report.fsr) == ("likelihood", "match", 1)
