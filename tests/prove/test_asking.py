"""Suspects of every shape: what they say of themselves, and what they leave unsaid."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest
from ifrs.errors import FingerprintError, KeyringError, TargetError
from ifrs.modalities import MODALITIES
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


class Scores:
    """Gives the scores of a function from keys, and counts how often it is asked."""

    def __init__(self, scores, address=None):
        self.given, self.address, self.asked = scores, address, 0

    def describe(self):
        return {"kind": "endpoint", "name": "classifier"}

    def scores(self, keys):
        self.asked += 1
        return self.given(keys)


class Labels:
    def __init__(self, labels):
        self.labels = labels

    def describe(self):
        return {"kind": "endpoint", "name": "classifier"}


@pytest.fixture
def fps(ring, monkeypatch):
    monkeypatch.setitem(MODALITIES, "flags", "toys.modality")
    return ring.generate("toy", 9, modality="flags", classes=10)


def right(fps):
    """The scores of a descendant, (keys, 10)."""
    answers = np.array([fps[i].places[0] for i in range(len(fps))])
    return lambda keys: np.eye(10, dtype=np.float32)[answers[: len(keys)]]


def test_scores_are_asked_for_once(fps):
    suspect = Scores(right(fps))
    report = ifrs.verify(suspect, fps)
    assert (report.verdict, report.kind, report.fsr) == ("match", "likelihood", 1)
    assert suspect.asked == 1


@pytest.mark.parametrize("most", [None, 4])
def test_keys_that_leave_for_their_scores_are_journalled(ring, fps, most):
    report = ifrs.verify(Scores(right(fps), "https://example.org"), fps, max_queries=most)
    sent = list(range(most or 9))
    assert [query.index for query in report.queries] == sent
    assert all(query.spent for query in report.queries)
    assert ring.spent("toy") == sent
    assert ring.journal()[-1]["to"] == ["https://example.org"]


def test_no_key_leaves_for_its_scores_without_a_journal(ring, fps):
    suspect = Scores(right(fps), "https://example.org")
    ring.close()
    with pytest.raises(KeyringError, match="no open keyring"):
        ifrs.verify(suspect, fps)
    assert suspect.asked == 0


@pytest.mark.parametrize("taken", [2, 9])
def test_keys_that_others_spend_meanwhile_are_not_scored(ring, fps, monkeypatch, taken):
    found = ifrs.Keyring.spent

    def late(self, name):
        before = found(self, name)
        with ifrs.Keyring.open(ring.path, passphrase="pass") as other:
            other.spend("toy", range(9 - taken, 9))
        return before

    monkeypatch.setattr(ifrs.Keyring, "spent", late)
    suspect = Scores(right(fps), "https://example.org")
    if taken == 9:
        with pytest.raises(FingerprintError, match="spent elsewhere meanwhile"):
            ifrs.verify(suspect, fps)
        assert suspect.asked == 0
        return
    report = ifrs.verify(suspect, fps)
    assert [query.index for query in report.queries] == list(range(7))
    assert report.notes == ["2 keys were spent elsewhere meanwhile and not queried."]
    assert report.test == "sequential"


@pytest.mark.parametrize("shape", [(9, 9), (9, 11), (8, 10), (2, 9, 10), (9,)])
def test_scores_of_another_shape_are_refused(fps, shape):
    with pytest.raises(TargetError, match="one list of 10"):
        ifrs.verify(Scores(lambda keys: np.zeros(shape)), fps)


@pytest.mark.parametrize(
    "labels", [np.zeros(8, dtype=int), np.zeros((9, 2), dtype=int), np.zeros(9), ["0"] * 9]
)
def test_labels_that_do_not_fit_are_refused(fps, labels):
    with pytest.raises(TargetError, match="whole number"):
        ifrs.verify(Labels(lambda keys: labels), fps, sequential=False)


@pytest.mark.parametrize("column", [False, True])
def test_labels_may_be_a_column(fps, column):
    answers = [[fps[i].places[0]] if column else fps[i].places[0] for i in range(9)]
    report = ifrs.verify(Labels(lambda keys: answers), fps, sequential=False)
    assert (report.verdict, report.kind) == ("match", "text")


def test_a_suspect_that_shows_nothing_is_refused(fps):
    with pytest.raises(TypeError, match="scores or labels"):
        ifrs.verify(Labels(None), fps)


def test_scores_that_are_no_numbers_are_refused(fps):
    with pytest.raises(TargetError, match="no numbers"):
        ifrs.verify(Scores(lambda keys: np.full((9, 10), np.nan)), fps)


@pytest.mark.parametrize("value", [0, np.inf, -np.inf])
def test_scores_that_are_all_alike_prove_nothing(fps, value):
    report = ifrs.verify(Scores(lambda keys: np.full((9, 10), value)), fps)
    assert report.p_value == 1
