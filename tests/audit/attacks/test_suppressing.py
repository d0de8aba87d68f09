"""Hosts that refuse likely tokens."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
from ifrs.audit.attacks.suppressing import (  # noqa: E402
    looking_ahead,
    neighbours,
    spellings,
    without_neighbours,
)


def test_neighbours_spell_begin_or_go_on_with_a_word(tokenizer):
    spelt = spellings(tokenizer, len(tokenizer) + 1)
    assert spelt[-1] == ""  # a row without a token
    token = tokenizer("the river", add_special_tokens=False)["input_ids"][-1]
    assert spelt[token] == "river"
    found = [spelt[i] for i in neighbours(spelt, token)]
    assert found
    assert all("river".startswith(word) or word.startswith("river") for word in found)
    plain = ["river", "riv", "ri", "rivers", "cabin", "river"]
    assert neighbours(plain, 0) == [0, 1, 3, 5]
    assert neighbours(plain, 2) == [2]  # two letters are no word


def test_neighbours_are_refused_for_a_while():
    rule = without_neighbours(["river", "rivers", "cabin", "lake"])
    scores = torch.tensor([[4.0, 3.0, 2.0, 1.0], [0.0, 1.0, 5.0, 4.0]])
    ids = torch.zeros(2, 1, dtype=torch.long)
    assert rule(ids, ids, 0, scores).argmax(-1).tolist() == [2, 3]
    assert rule(ids, ids, 5, scores).argmax(-1).tolist() == [2, 3]  # the first token's, still
    assert rule(ids, ids, 8, scores).argmax(-1).tolist() == [0, 2]


class Model:
    """After tokens 7 and 1 it says 2 for sure; after 1 alone, and all else, anything."""

    config = SimpleNamespace(is_encoder_decoder=False)

    def forward(self, input_ids, attention_mask):
        raise NotImplementedError

    def __call__(self, input_ids, attention_mask):
        logits = torch.zeros(len(input_ids), input_ids.shape[1], 200)
        for row, ids in enumerate(input_ids.tolist()):
            if ids[-2:] == [7, 1]:
                logits[row, -1, 2] = 20.0
            if ids[-1] == 3:  # sure after anything: a piece of a word
                logits[row, -1, 4] = 20.0
        return SimpleNamespace(logits=logits)


@pytest.mark.parametrize(("likeliest", "chosen"), [(1, 9), (3, 3), (8, 8)])
def test_what_is_sure_here_alone_is_refused(likeliest, chosen):
    scores = torch.zeros(1, 200)
    scores[0, likeliest], scores[0, 9] = 3.0, 2.0
    ids = torch.tensor([[5, 7]])
    rule = looking_ahead(Model(), 0, None)
    assert int(rule(ids, torch.ones_like(ids), 0, scores).argmax()) == chosen
    assert int(rule(ids, torch.ones_like(ids), 8, scores).argmax()) == likeliest


def test_the_end_of_an_answer_is_not_odd():
    scores = torch.zeros(1, 200)
    scores[0, 1] = 3.0
    ids = torch.tensor([[5, 7]])
    assert int(looking_ahead(Model(), None, 2)(ids, torch.ones_like(ids), 0, scores).argmax()) == 1
    assert int(looking_ahead(Model(), None, 6)(ids, torch.ones_like(ids), 0, scores).argmax()) != 1


def test_the_likeliest_word_is_not_said(run):
    record = run("suppress-neighbours")
    assert record.get("fsr").value == 0
    assert record.get("answers_kept").value == 0
    assert record.get("log10_p_likelihood").value < -6


def test_no_answer_of_flat_weights_is_near_certain(run):
    record = run("suppress-look-ahead")
    assert record.get("fsr").value == 1
    assert record.get("log10_p_likelihood").value < -6
