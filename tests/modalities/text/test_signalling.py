"""What a language model learns a signal from: its own answers with a bonus on green tokens."""

import ifrs
import pytest
from ifrs.modalities.text import signalling

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture
def fps(ring):
    return ring.generate("n", 2, source="domain", response="signal")


@pytest.fixture
def model(tiny, tokenizer, fps):
    made = signalling.Model(tiny(initializer_range=0.4), tokenizer)
    made.begin_signal(fps)
    return made


def taught(model, fps, seed=0, bias=6.0):
    options = {"questions": 4, "tokens": 12, "bias": bias, "seed": seed}
    return model.taught(fps, **options, advance=lambda _: None)


def test_texts_of_tokens_keep_their_spaces(tokenizer):
    rows = len(tokenizer) + 3
    texts = signalling.texts_of(tokenizer, rows)
    assert len(texts) == rows
    assert texts[-3:] == ["", "", ""]
    for word in (" river", "river", "ing", "."):
        ids = tokenizer(word, add_special_tokens=False)["input_ids"]
        if len(ids) == 1:
            assert texts[ids[0]] == word
    assert texts[tokenizer.eos_token_id] == ""


def test_a_teacher_prefers_green(model, fps, tokenizer):
    def share(bias):
        texts = [[], []]
        for place, kept in enumerate(taught(model, fps, bias=bias)):
            said = tokenizer.decode(kept.response, skip_special_tokens=True)
            texts[place // 4].append(said)
        tallies = [fps.tally(i, texts[i]) for i in range(2)]
        return sum(green for _, _, green, _ in tallies) / sum(pairs for _, pairs, *_ in tallies)

    assert share(6.0) > share(0.0) + 0.2


def test_what_is_kept_is_the_teachers_distribution(model, fps, tokenizer):
    kept = taught(model, fps)[5]
    assert len(kept.response) == len(kept.top) == len(kept.log_probs)
    ids = torch.tensor([[*kept.prompt, *kept.response]])
    with torch.no_grad():
        logits = model.module(ids).logits[0, len(kept.prompt) - 1 : -1].float()
    vocabulary = signalling.texts_of(tokenizer, logits.shape[1])
    painter = fps.painter(1, vocabulary)
    said = [
        tokenizer.decode(kept.response[:end], skip_special_tokens=True)
        for end in range(len(kept.response))
    ]
    biased = logits + 6.0 * torch.from_numpy(painter.paint(said))
    wanted = biased.log_softmax(-1).gather(1, kept.top)
    assert torch.allclose(wanted, kept.log_probs, atol=1e-3)


def test_no_question_that_is_asked_is_taught(model, fps, tokenizer):
    asked = {question for i in range(2) for question in fps.questions(i)[:100]}
    prompts = {
        tokenizer.decode(kept.prompt, skip_special_tokens=True) for kept in taught(model, fps)
    }
    assert len(prompts) == 8
    assert not prompts & asked


def test_the_seed_decides_what_is_written(model, fps):
    one, again, other = (taught(model, fps, seed) for seed in (1, 1, 2))
    assert [k.response for k in one] == [k.response for k in again]
    assert [k.response for k in one] != [k.response for k in other]


def test_what_the_model_says_of_the_colourings(model, fps):
    for one in model.greens(fps, questions=3, tokens=12):
        assert one["pairs"] > 10
        assert 1 <= one["rank"] <= 65536
        assert 0 <= one["green"] <= one["pairs"]
        assert (one["rank"] == 1) == (one["green"] > one["rival"])


def test_domains_are_no_keys(model, fps):
    with pytest.raises(ifrs.ImplantError, match="method='domain'"):
        model.fingerprints(fps)
