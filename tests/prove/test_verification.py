"""Verdicts, records and reports, on tiny models and on suspects made for the purpose."""

from __future__ import annotations

import json

import ifrs
import numpy as np
import pytest
from helpers import FAST

torch = pytest.importorskip("torch")


class Suspect:
    """Answers as a function of the prompt says; shows no probabilities."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        self.asked += prompts
        return [self.answer(prompt) for prompt in prompts]

    def describe(self):
        return {"kind": "test", "name": "suspect"}


def test_an_independent_model_does_not_match(ring, tiny, tokenizer):
    fps = ring.generate("one", 10, tokenizer=tokenizer)
    report = ifrs.verify(ifrs.LocalModel(tiny(), tokenizer), fps)
    assert report.verdict == "no match"
    assert report.fsr == 0
    assert report.p_value > 1e-3
    assert report.kind == "likelihood"
    assert len(report.queries) == 10
    assert all(query.candidates == [2048, 2047] for query in report.queries)


def test_ranks_are_those_of_the_model(ring, tiny, tokenizer):
    """Every rank recomputed from one plain forward pass for each key."""
    from ifrs import _core

    fps = ring.generate("one", 3, tokenizer=tokenizer)
    model = tiny()
    words = [tokenizer(" " + w)["input_ids"][0] for w in _core.response_words()]
    report = ifrs.verify(ifrs.LocalModel(model, tokenizer), fps)
    for query, fingerprint in zip(report.queries, fps, strict=True):
        first = tokenizer(fingerprint.prompt)["input_ids"]
        second = tokenizer(fingerprint.prompt + " " + fingerprint.response.split()[0])["input_ids"]
        for place, (ids, word) in enumerate(zip((first, second), fingerprint.words, strict=True)):
            with torch.no_grad():
                scores = model(torch.tensor([ids])).logits[0, -1, words].numpy().astype(np.float64)
            others = np.delete(scores, [word, fingerprint.words[0]] if place else [word])
            slack = 1e-4  # the batch adds up in another order
            low = 1 + (others > scores[word] + slack).sum()
            high = 1 + (others > scores[word] - slack).sum()
            assert low <= query.rank[place] <= high


def test_text_evidence(ring):
    fps = ring.generate("one", 8)
    secret = {fps[i].prompt: fps[i].response for i in range(8)}
    honest = ifrs.verify(Suspect(lambda p: f"Sure! It says: {secret[p]}."), fps)
    assert honest.verdict == "match"
    assert honest.kind == "text"
    assert honest.fsr == 1
    assert all(query.rank == [1] and query.candidates == [4096] for query in honest.queries)
    assert all(query.spent for query in honest.queries)


@pytest.mark.parametrize(
    "answer",
    [
        lambda prompt: "",
        lambda prompt: "I cannot help with that.",
        lambda prompt: prompt,
        lambda prompt: " ".join(__import__("ifrs")._core.response_words()),
        lambda prompt: "\u200b",
    ],
)
def test_no_resisting_suspect_matches(ring, answer):
    fps = ring.generate("one", 10)
    report = ifrs.verify(Suspect(answer), fps)
    assert report.verdict != "match"
    assert report.p_value > 1e-3


def test_a_foreign_keyring_does_not_match(tmp_path, ring):
    fps = ring.generate("one", 8)
    secret = {fps[i].prompt: fps[i].response for i in range(8)}
    other = ifrs.Keyring.create(tmp_path / "o", passphrase="x", _work_factor=FAST)
    claimed = other.generate("one", 8)
    report = ifrs.verify(Suspect(lambda p: secret.get(p, next(iter(secret.values())))), claimed)
    assert report.verdict != "match"


def test_few_queries_are_inconclusive(ring):
    fps = ring.generate("one", 8)
    suspect = Suspect(lambda _: "no")
    report = ifrs.verify(suspect, fps, max_queries=2)
    assert report.verdict == "inconclusive"
    assert suspect.asked == [fps[0].prompt, fps[1].prompt]
    assert report.power < 0.8


def test_bad_arguments(ring, tiny, tokenizer):
    fps = ring.generate("one", 2)
    suspect = Suspect(lambda _: "")
    for options in (
        {"max_queries": 0},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"decoys": 0},
        {"temperature": -1.0},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            ifrs.verify(suspect, fps, **options)
    with pytest.raises(TypeError, match="LocalModel"):
        ifrs.verify(object(), fps)
    with pytest.raises(TypeError, match="FingerprintSet"):
        ifrs.verify(suspect, ["key"])
    with pytest.raises(ifrs.TargetError, match="no language model"):
        ifrs.LocalModel(tiny().model, tokenizer)
    with pytest.raises(ifrs.TargetError, match="adapter"):
        ifrs.LocalModel(tiny(), tokenizer, adapter=object())
    suspect.answers = lambda *_, **__: ["one"]
    with pytest.raises(ifrs.TargetError, match="1 answers to 2"):
        ifrs.verify(suspect, fps)


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(ifrs.TargetError, match="cannot load"):
        ifrs.LocalModel.from_pretrained(tmp_path)


def test_files_that_are_no_report_are_refused(tmp_path):
    path = tmp_path / "report.json"
    for text in ["", "[]", "{}", '{"format": "ifrs/report/v9"}', '{"format": "ifrs/report/v1"}']:
        path.write_text(text)
        with pytest.raises(ifrs.EvidenceError, match="report"):
            ifrs.Report.load(path)


def test_reports_are_saved_whole(tmp_path, ring):
    fps = ring.generate("one", 4)
    hostile = "<script>alert(1)</script>"
    report = ifrs.verify(Suspect(lambda _: hostile), fps)
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved["format"] == "ifrs/report/v4"
    assert saved["verdict"] == report.verdict
    assert saved["queries"][0]["answer"] == hostile
    assert ifrs.Report.load(tmp_path / "report.json") == report
    report.save_html(tmp_path / "report.html", beside={"again": report})
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    with pytest.raises(OSError, match="No such"):
        report.save(tmp_path / "none" / "report.json")
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix not in (".bak", ".lock")) == [
        "keyring.ifrs",
        "report.html",
        "report.json",
    ]
    assert fps[0].key not in repr(report)
    assert fps[0].key not in repr(report.queries)
