"""Batches of prompts and responses, and the logits at the responses' places."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from ifrs.modalities.text.forward import IGNORED, chunks_by_length, collate, response_logits  # noqa: E402

CPU = torch.device("cpu")


def test_batches_are_padded_around_the_responses():
    batch = collate([[1, 2, 3], [4]], [[5], [6, 7]], pad=0, device=CPU)
    assert batch.ids.tolist() == [[1, 2, 3, 5, 0], [0, 0, 4, 6, 7]]
    assert batch.mask.tolist() == [[1, 1, 1, 1, 0], [0, 0, 1, 1, 1]]
    assert batch.positions.tolist() == [[0, 1, 2, 3, 3], [0, 0, 0, 1, 2]]
    assert batch.labels.tolist() == [[5, IGNORED], [6, 7]]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_response_logits_are_those_of_the_whole_pass(tiny, tokenizer, kind):
    model = tiny()
    if kind == "gpt2":  # absolute positions, and padding that would shift them
        from transformers import GPT2Config, GPT2LMHeadModel

        model = GPT2LMHeadModel(
            GPT2Config(vocab_size=len(tokenizer), n_embd=64, n_layer=2, n_head=4)
        ).eval()
    prompts, responses = [[10, 11, 12, 13], [14, 15]], [[20], [21, 22, 23]]
    with torch.no_grad():
        found = response_logits(model, collate(prompts, responses, 0, CPU))
        for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
            alone = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1 : -1]
            torch.testing.assert_close(found[row, : len(response)], alone, rtol=1e-4, atol=1e-4)


def test_the_head_reads_states_that_lie_together(tiny):
    model, seen = tiny(), []
    head = model.get_output_embeddings()
    with head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].is_contiguous())):
        response_logits(model, collate([[10, 11, 12], [13, 14]], [[20], [21]], 0, CPU))
    assert all(seen)
    assert not head._forward_pre_hooks


def test_chunks_cover_everything_once_and_stay_small():
    prompts = [[0] * n for n in (5, 1, 9, 3, 30)]
    blank = [[0]] * 5
    chunks = list(chunks_by_length(prompts, blank, tokens=12))
    assert sorted(i for chunk in chunks for i in chunk) == [0, 1, 2, 3, 4]
    for chunk in chunks:
        widest = max(len(prompts[i]) + 1 for i in chunk)
        assert len(chunk) == 1 or len(chunk) * widest <= 12
