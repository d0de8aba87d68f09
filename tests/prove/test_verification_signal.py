"""Domains asked for in text: a slight preference matches, and whatever a stranger says does not."""

import math
import random

import ifrs
import pytest
from ifrs import _core
from ifrs.errors import TargetError
from preferring import KINDS, Preferring, Saying, guess
from servers import Reply, prompt_of, serving

SIGNAL = {"source": "domain", "response": "signal"}


@pytest.fixture
def fps(ring):
    return ring.generate("n", 6, **SIGNAL)


def test_a_slight_preference_is_a_match(fps):
    report = ifrs.verify(Preferring(fps), fps, questions=25)
    assert (report.kind, report.verdict, report.fsr) == ("text", "match", 1.0)
    assert (report.format, report.test) == ("ifrs/report/v6", "exact")
    assert report.log10_p == pytest.approx(6 * -4.81648, abs=1e-3)
    for query in report.queries:
        assert query.ranks == [(1, 65536)]
        assert len(query.further) == 24
        assert query.tally["green"] / query.tally["pairs"] == query.score
        assert 0.3 < query.score < 0.8
        assert sum(of for _, of in query.tally["spread"]) == 65536
        assert not query.spent


def test_a_part_of_the_domains_is_enough(fps):
    report = ifrs.verify(Preferring(fps, domains=[0, 3]), fps, questions=25)
    assert [query.fired for query in report.queries] == [True, False, False, True, False, False]
    assert report.verdict == "match"
    assert report.fsr == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", KINDS)
def test_strangers_never_match(ring, kind):
    logs = []
    for trial in range(6):
        fps = ring.generate(f"{trial}", 4, **SIGNAL)
        report = ifrs.verify(guess(fps, kind, trial), fps, questions=25)
        assert report.verdict != "match"
        logs.append(report.log10_p)
    assert sum(log <= -2 for log in logs) < 3


def test_another_publishers_signal_is_no_match_and_both_can_be_there(ring):
    ours, theirs = (ring.generate(name, 4, **SIGNAL) for name in ("ours", "theirs"))
    suspect = Preferring(theirs)
    assert ifrs.verify(suspect, theirs, questions=25).verdict == "match"
    assert ifrs.verify(suspect, ours, questions=25).verdict != "match"
    one, other = Preferring(ours, words=40), Preferring(theirs, words=40, seed=1)
    both = Saying(lambda prompt: one.write(prompt) + "." + other.write(prompt))
    for fps in (ours, theirs):
        assert ifrs.verify(both, fps, questions=25).verdict == "match"


def test_ranks_are_uniform_where_nothing_is_known(ring):
    rng = random.Random(5)
    ranks = []
    for trial in range(12):
        fps = ring.generate(f"{trial}", 8, **SIGNAL)
        texts = [" ".join(rng.choices(_core.response_words(), k=400)) for _ in range(8)]
        ranks += [fps.tally(i, [text])[0][0] / 65536 for i, text in enumerate(texts)]
    assert len(ranks) == 96
    # Kolmogorov and Smirnov: 1.95 over the root of the number is passed once in a thousand times.
    gaps = [abs(rank - (i + 0.5) / 96) for i, rank in enumerate(sorted(ranks))]
    assert max(gaps) < 1.95 / 96**0.5


def test_nothing_said_ranks_last(fps):
    (rank, of, p), pairs, green, spread = fps.tally(0, ["", " ", "..."])
    assert (rank, of, p, pairs, green) == (65536, 65536, 1.0, 0, 0)
    assert spread == [(0, 65536)]


def test_questions_are_of_the_domain_in_an_order_of_their_own(ring, fps):
    other = ring.generate("other", 6, **SIGNAL)
    asked = {fps[i].key: fps.questions(i) for i in range(6)}
    assert len(asked) == 6
    for i in range(6):
        assert len(fps.questions(i)) >= 200
        assert len(set(fps.questions(i))) == len(fps.questions(i))
        name = other[i].key
        if name in asked:
            assert sorted(asked[name]) == sorted(other.questions(i))
            assert asked[name] != other.questions(i)


def test_domains_are_not_spent_by_being_asked(ring, fps):
    pytest.importorskip("httpx2")
    writer = Preferring(fps)
    with serving(lambda request: Reply(text=writer.write(prompt_of(request))), of=dict) as server:
        suspect = ifrs.ApiModel(server.url, "m", mode="completions", max_retries=0)
        report = ifrs.verify(suspect, fps, questions=25)
        again = ifrs.verify(suspect, fps, questions=25)
    assert (report.verdict, again.verdict) == ("match", "match")
    assert ring.spent("n") == []
    assert [query.heard for query in report.queries] == [True] * 6


class Counting(Preferring):
    """Prefers green words, and keeps the number of questions of each call."""

    def __init__(self, fps, fails_at=None, **options):
        super().__init__(fps, **options)
        self.asked, self.fails_at = [], fails_at

    def answers(self, prompts, **options):
        self.asked.append(len(prompts))
        if len(self.asked) == self.fails_at:
            raise TargetError("gone")
        return super().answers(prompts, **options)


def test_asking_stops_once_the_evidence_suffices(fps):
    suspect = Counting(fps)
    report = ifrs.verify(suspect, fps)
    assert suspect.asked == [25] * 6
    assert (report.verdict, report.test) == ("match", "exact")
    assert report.log10_p == pytest.approx(6 * -4.81648 + math.log10(3), abs=1e-3)
    assert (report.how["questions"], report.how["looks"]) == (25, 3)
    assert any("25, 50 or 100 questions" in note for note in report.notes)
    whole = ifrs.verify(Preferring(fps), fps, questions=25)
    assert report.log10_p == pytest.approx(whole.log10_p + math.log10(3))
    assert (whole.how["looks"], whole.notes) == (1, [])


def test_more_is_asked_while_the_evidence_does_not_suffice(ring, fps):
    one = ring.generate("one", 1, **SIGNAL)  # which proves 16 bits at most
    suspect = Counting(one)
    report = ifrs.verify(suspect, one)
    assert suspect.asked == [25, 25, 50]
    assert (report.how["questions"], len(report.queries[0].further)) == (100, 99)
    whole = ifrs.verify(Preferring(one), one, questions=100)
    assert report.log10_p == pytest.approx(whole.log10_p + math.log10(3))
    assert report.queries[0].to_json()["tally"] == whole.queries[0].to_json()["tally"]
    unstopped = Counting(fps)
    assert ifrs.verify(unstopped, fps, sequential=False).how["looks"] == 1
    assert unstopped.asked == [100] * 6


def test_what_was_asked_stands_where_no_more_can_be_asked(tmp_path, ring):
    path, one = tmp_path / "report.json", ring.generate("one", 1, **SIGNAL)
    report = ifrs.verify(Counting(one, fails_at=2), one, resume=path)
    assert (report.how["questions"], report.how["complete"], report.test) == (25, False, "exact")
    assert report.log10_p == pytest.approx(-4.81648 + math.log10(3), abs=1e-3)
    assert len(report.queries[0].further) == 24
    assert any("gone" in note for note in report.notes)
    suspect = Counting(one)
    later = ifrs.verify(suspect, one, resume=path)
    assert suspect.asked == [25, 50]
    assert len(later.queries[0].further) == 99
    assert later.log10_p == ifrs.verify(Preferring(one), one).log10_p
    for wanted in (25, 100):
        with pytest.raises(ifrs.EvidenceError, match="begun with no questions: leave it out"):
            ifrs.verify(suspect, one, questions=wanted, resume=path)
    again = Counting(one)
    assert ifrs.verify(again, one, resume=path).log10_p == later.log10_p
    assert again.asked == []


@pytest.mark.parametrize("kind", KINDS)
def test_looking_three_times_makes_no_stranger_match(ring, kind):
    logs = []
    for trial in range(6):
        fps = ring.generate(f"{trial}", 4, **SIGNAL)
        report = ifrs.verify(guess(fps, kind, trial), fps)
        assert (report.how["questions"], report.verdict != "match") == (100, True)
        logs.append(report.log10_p)
    assert sum(log <= -2 for log in logs) < 3


def test_an_answer_that_is_missing_silences_its_domain(tmp_path, ring, fps):
    pytest.importorskip("httpx2")
    writer, lost = Preferring(fps), {fps.questions(2)[7]}

    def say(request):
        prompt = prompt_of(request)
        return Reply(status=400) if prompt in lost else Reply(text=writer.write(prompt))

    with serving(say, of=dict) as server:
        suspect = ifrs.ApiModel(server.url, "m", mode="completions", max_retries=0)
        path = tmp_path / "report.json"
        report = ifrs.verify(suspect, fps, questions=25, resume=path)
        lost.clear()  # what failed is asked again
        whole = ifrs.verify(suspect, fps, questions=25, resume=path)
    assert [query.failed for query in report.queries] == [i == 2 for i in range(6)]
    assert [query.fired for query in report.queries] == [i != 2 for i in range(6)]
    assert (report.queries[2].ranks, report.queries[2].tally) == ([(65536, 65536)], None)
    assert report.log10_p > -28
    report.save_html(tmp_path / "page.html")
    claim = ring.claim("n", subject={"weights": "00" * 32})
    claim.save(tmp_path / "claim.json")
    report.evidence(claim).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, len(found.queries), found.verdict) == (True, 5, "match")
    assert [query.fired for query in whole.queries] == [True] * 6


def test_keys_are_not_sent_after_a_signal_has_matched(ring, fps):
    pytest.importorskip("httpx2")
    keys, writer = ring.generate("keys", 4), Preferring(fps)
    with serving(lambda request: Reply(text=writer.write(prompt_of(request))), of=dict) as server:
        suspect = ifrs.ApiModel(server.url, "m", mode="completions", max_retries=0)
        report = ifrs.verify(suspect, [fps, keys])
        assert (report.verdict, report.unasked, ring.spent("keys")) == ("match", ["keys"], [])
        ring.spend("keys", range(4), "the court", "revealed")
        before = len(server.requests)
        with pytest.raises(ifrs.FingerprintError, match="all 4 keys of the set are spent"):
            ifrs.verify(suspect, [fps, keys])
        assert len(server.requests) == before


def test_asking_goes_on_until_the_report_says_match(fps):
    """Two of the domains prove it; with the others, which say nothing, 25 questions do not."""
    suspect = Counting(fps, domains=[0, 1])
    report = ifrs.verify(suspect, fps, alpha=1e-9)
    assert suspect.asked == [25] * 6 + [25] * 6 + [50] * 6
    assert (report.verdict, report.how["questions"]) == ("inconclusive", 100)


@pytest.mark.parametrize("said", ["", "Yes.", "Yes, of course."])
def test_a_few_words_do_not_clear_a_suspect(tmp_path, ring, fps, said):
    report = ifrs.verify(Saying(lambda _: said), fps, questions=25)
    assert report.verdict == "inconclusive"
    claim = ring.claim("n", subject={"weights": "00" * 32})
    claim.save(tmp_path / "claim.json")
    report.evidence(claim).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.verdict) == (True, "inconclusive")


@pytest.mark.parametrize("said", [None, 5, b"Yes."])
def test_an_answer_that_is_no_text_is_an_error(ring, fps, said):
    for asked in (fps, ring.generate("keys", 2)):
        with pytest.raises(TargetError, match="an answer that is no text"):
            ifrs.verify(Saying(lambda _: said), asked)


def test_half_a_letter_is_read_as_a_mark(fps):
    report = ifrs.verify(Saying(lambda _: "one \ud800 two"), fps, questions=25)
    assert report.queries[0].answer == "one \ufffd two"
    assert report.to_json()["queries"][0]["answer"] == "one \ufffd two"


def test_a_report_goes_on(tmp_path, fps):
    path, asked = tmp_path / "report.json", []

    class Failing(Preferring):
        def answers(self, prompts, **options):
            asked.append(len(prompts))
            if len(asked) == 3:
                raise TargetError("gone")
            return super().answers(prompts, **options)

    suspect = Failing(fps)
    first = ifrs.verify(suspect, fps, questions=25, resume=path)
    assert len(first.queries) == 2
    whole = ifrs.verify(suspect, fps, questions=25, resume=path)
    assert (whole.verdict, len(whole.queries), len(asked)) == ("match", 6, 7)
    assert ifrs.Report.load(path).log10_p == whole.log10_p
    with pytest.raises(ifrs.EvidenceError, match="questions=25"):
        ifrs.verify(suspect, fps, questions=50, resume=path)


def test_what_does_not_go_together_is_said(ring, fps):
    with pytest.raises(ValueError, match="25 or 50 or 100, not 30"):
        ifrs.verify(Saying(str), fps, questions=30)
    with pytest.raises(ValueError, match="source 'domain'"):
        ifrs.verify(Saying(str), ring.generate("keys", 2), questions=25)
    with pytest.raises(ValueError, match="there are 8 domains"):
        ring.generate("many", 9, **SIGNAL)
    for other in ({"source": "natural", "response": "signal"}, {"source": "domain"}):
        with pytest.raises(ValueError, match="go"):
            ring.generate("other", 2, **other)


def test_the_page_draws_where_the_true_colouring_stands(tmp_path, fps):
    report = ifrs.verify(Preferring(fps), fps, questions=25)
    page = tmp_path / "report.html"
    report.save_html(page)
    html = page.read_text(encoding="utf-8")
    assert html.count('class="spread"') == 6
    assert "colouring" in html
