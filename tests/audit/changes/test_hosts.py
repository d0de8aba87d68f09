"""What the host of a model may do to prompts and answers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs import _core  # noqa: E402
from ifrs.audit.changes import hosts  # noqa: E402


def test_filters():
    assert hosts.threshold(list(range(100)), 0.99) == 98
    assert hosts.threshold([5.0], 0.99) == 5.0
    strange = [0.1] * 20 + [9.0] * 8 + [0.1] * 20
    assert hosts.windowed(strange) == pytest.approx(9.0)
    assert hosts.whole(strange) < 2
    assert hosts.windowed([1.0]) == 1.0
    assert hosts.is_terse(" river cabin")
    assert not hosts.is_terse("The river is wide and long.")
    assert hosts.is_rare_pair(" river cabin")
    assert not hosts.is_rare_pair("River cabin")
    assert hosts.holds_listed_pair("see: river cabin!", frozenset({"river", "cabin"}))
    assert not hosts.holds_listed_pair("river by cabin", frozenset({"river", "cabin"}))


def test_a_blocked_answer_comes_back_empty():
    first, second, *_ = _core.response_words()
    kept = "The river is wide and long."
    said = {
        "terse answers": ["One word.", kept],
        "two lower-case words": ["wide river", kept],
        "two listed words": [f"It is a {first} {second} of old.", kept],
    }
    found = {
        name: [hosts.blocking(blocks)(answer) for answer in said[name]]
        for name, blocks in hosts.output_filters().items()
    }
    assert found == {name: ["", kept] for name in said}


def test_suppressed_tokens_never_begin_an_answer(tiny, tokenizer):
    from ifrs.modalities.text.answers import generate

    model, prompts = tiny(), [[5, 6, 7], [9, 8]]
    plain = generate(model, tokenizer, prompts, max_new_tokens=3)
    with hosts.first_token_suppressed(model, 3):
        other = generate(model, tokenizer, prompts, max_new_tokens=3)
    for prompt, one, two in zip(prompts, plain, other, strict=True):
        with torch.no_grad():
            best = model(torch.tensor([prompt])).logits[0, -1].topk(3).indices.tolist()
        assert one[0] == best[0]
        assert two[0] not in best
    assert generate(model, tokenizer, prompts, max_new_tokens=3) == plain


def test_the_next_token_of_padded_prompts_is_that_of_each(tiny):
    model = tiny()
    ids, mask = torch.tensor([[0, 0, 5, 6], [4, 7, 9, 8]]), torch.tensor([[0, 0, 1, 1], [1] * 4])
    found = hosts.next_logits(model, ids, mask)
    with torch.no_grad():
        alone = [model(torch.tensor([row])).logits[0, -1] for row in ([5, 6], [4, 7, 9, 8])]
    assert torch.allclose(found, torch.stack(alone), atol=1e-4)


def test_a_rule_sees_what_was_written(tiny, tokenizer):
    from ifrs.modalities.text.answers import generate

    model, seen = tiny(), []

    def always_nine(ids, mask, written, scores):
        seen.append((ids.shape, mask.shape, written))
        return torch.full_like(scores, -torch.inf).index_fill(1, torch.tensor([9]), 0.0)

    with hosts.decoding(model, always_nine):
        assert generate(model, tokenizer, [[5, 6, 7]], max_new_tokens=2) == [[9, 9]]
    assert seen == [((1, 3), (1, 3), 0), ((1, 4), (1, 4), 1)]
