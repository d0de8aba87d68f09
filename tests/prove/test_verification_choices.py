"""Natural answers asked for in text: whatever a stranger says, it is no match."""

import random

import ifrs
import pytest
from ifrs import _core
from ifrs.errors import TargetError

TRIALS, KEYS = 200, 12


@pytest.fixture
def fps(ring):
    return ring.generate("n", KEYS, source="natural", response="choices")


class Saying:
    """A suspect that answers each question as a function says."""

    def __init__(self, say, **said):
        self.say, self.said = say, said

    def describe(self):
        return {"kind": "local", "name": "saying", **self.said}

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return [self.say(prompt) for prompt in prompts]


def knowing(fps, share=1.0):
    said = {fps[i].prompt: fps[i].response for i in range(round(share * len(fps)))}
    return Saying(lambda prompt: f" {said.get(prompt, 'Nobody knows.')}")


def test_a_suspect_that_knows_is_a_match_by_text(fps):
    report = ifrs.verify(knowing(fps), fps)
    assert (report.kind, report.verdict, report.fsr) == ("text", "match", 1.0)
    assert all(query.ranks == [(1, 256)] and query.fired for query in report.queries)
    assert report.log10_p == pytest.approx(KEYS * -2.40824, abs=1e-3)
    assert report.how["max_new_tokens"] == fps.room == 32


def test_half_of_the_keys_are_enough(fps):
    report = ifrs.verify(knowing(fps, 0.5), fps)
    assert (report.verdict, report.fsr) == ("match", 0.5)
    assert [query.rank for query in report.queries] == [[1]] * 6 + [[256]] * 6


def test_the_second_answer_that_is_mentioned_ranks_second(fps):
    def say(prompt):
        _, spoken, _ = _core.choices(prompt)
        index = next(i for i in range(len(fps)) if fps[i].prompt == prompt)
        truth = fps[index].places[0]
        return f"Not{spoken[(truth + 1) % 256]}, but{spoken[truth]}."

    report = ifrs.verify(Saying(say), fps)
    assert report.fsr == 0.0
    assert all(query.rank == [2] and not query.fired for query in report.queries)


def favourite(random):
    place = random.randrange(256)
    return lambda prompt: _core.choices(prompt)[1][place]


def echo(random):
    return lambda prompt: prompt


def drawn(random):
    return lambda prompt: random.choice(_core.choices(prompt)[1])


def many(random):
    return lambda prompt: ",".join(random.sample(_core.choices(prompt)[1], 64))


def everything(random):
    return lambda prompt: ",".join(_core.choices(prompt)[1])


@pytest.mark.parametrize("kind", [favourite, echo, drawn, many, everything])
def test_strangers_never_match(ring, kind):
    logs = []
    for trial in range(TRIALS // 5):
        draw = random.Random(f"{kind.__name__} {trial}")
        fps = ring.generate(f"{trial}", KEYS, source="natural", response="choices")
        report = ifrs.verify(Saying(kind(draw)), fps)
        assert report.verdict != "match"
        logs.append(report.log10_p)
    # Of 40 strangers, fewer than 8 reach p = 0.05 but once in 1,000,000 times.
    assert sum(log <= -1.301 for log in logs) < 8


def test_an_echo_of_every_key_proves_nothing(fps):
    report = ifrs.verify(Saying(echo(None)), fps)
    assert report.fsr == 0.0
    assert report.log10_p == pytest.approx(0.0, abs=1e-9)
    assert report.verdict == "no match"


def test_a_suspect_of_another_kind_is_told_so(fps):
    suspect = Saying(echo(None))
    suspect.modality = "image"
    with pytest.raises(TargetError, match="models of kind 'text'"):
        ifrs.verify(suspect, fps)


def test_templates_and_sources(ring):
    options = {"source": "natural", "response": "choices"}
    assert ring.generate("a", 1, **options).template == "bare"
    for source in ("mixed", "japanese", "vocab"):
        with pytest.raises(ValueError, match='goes with source "natural"'):
            ring.generate("b", 1, source=source, response="choices")
    assert "b" not in ring
    with pytest.raises(ValueError, match="texts have response"):
        ring.generate("c", 1, source="natural", response="classes")
