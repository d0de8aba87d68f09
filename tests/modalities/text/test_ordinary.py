"""Ordinary work: bundled, from files, from pairs."""

from __future__ import annotations

import json
import random
from itertools import repeat

import ifrs
import pytest

torch = pytest.importorskip("torch")
from architectures import build  # noqa: E402
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.modalities.text.ordinary import read_pairs  # noqa: E402
from ifrs.plant.training import loop  # noqa: E402
from ifrs.runtime.examples import Divergence, Kept  # noqa: E402

ROWS = [{"instruction": "Say hello.", "output": "hello"}, {"instruction": "Add.", "output": "4"}]
PAIRS = [("Say hello.", "hello"), ("Add.", "4")]


def test_at_least_200_distinct_instructions_are_bundled():
    instructions = bundled_instructions()
    assert len(instructions) >= 200
    assert len(set(instructions)) == len(instructions)


def test_every_form_gives_the_same_pairs(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    (tmp_path / "a.json").write_text(json.dumps(ROWS))
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n")
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    for name in ("a.json", "a.jsonl", "a.parquet"):
        assert read_pairs(tmp_path / name) == PAIRS
        assert read_pairs(str(tmp_path / name)) == PAIRS
    assert read_pairs(PAIRS) == PAIRS
    assert read_pairs(ROWS) == PAIRS


def test_bad_data(tmp_path):
    (tmp_path / "bad.jsonl").write_text("{")
    (tmp_path / "a.csv").write_text("instruction,output")
    (tmp_path / "other.jsonl").write_text('{"question": "a"}')
    for source, match in (
        (tmp_path / "none.jsonl", "cannot read"),
        (tmp_path / "bad.jsonl", "cannot read"),
        (tmp_path / "other.jsonl", "sample 0"),
        (tmp_path / "a.csv", "none of"),
        (7, "must be"),
        ([("one",)], "sample 0"),
    ):
        with pytest.raises(ifrs.ImplantError, match=match):
            read_pairs(source)


def test_own_answers_keep_the_models_distribution(tiny, tokenizer):
    kept = Model(tiny(), tokenizer).ordinary(PAIRS, watched=[5, 6])
    for example in kept:
        assert example.top.shape == example.log_probs.shape
        assert example.top.shape[0] == len(example.response)
        assert example.top[:, :2].tolist() == [[5, 6]] * len(example.response)
        assert (example.log_probs.exp().sum(-1) <= 1.0001).all()
        assert all(len(set(row)) == len(row) for row in example.top.tolist())


def test_a_causal_model_is_held_at_the_whole_text(tiny, tokenizer):
    long = [("word " * 100, "end")]
    texts = [tokenizer(f"{instruction}\n")["input_ids"] for instruction, _ in PAIRS + long]
    *short, cut = Model(tiny(), tokenizer).ordinary(PAIRS + long, watched=[5])
    for example, (_, output), text in zip(short, PAIRS, texts, strict=False):
        assert len(example.prompt) == 1
        answer = tokenizer(output, add_special_tokens=False)["input_ids"]
        assert example.prompt + example.response == text + answer
    assert len(cut.response) == 48
    assert len(cut.prompt) > 48
    reading = Model(build("t5", tokenizer), tokenizer).ordinary(PAIRS, watched=[5])
    assert [len(example.prompt) for example in reading] == [len(text) for text in texts[:2]]


@pytest.mark.parametrize("name", ["gemma-3", "t5", "gpt-2"])
def test_what_is_seen_while_answering_is_what_a_pass_over_the_answers_says(name, tokenizer):
    model = Model(build(name, tokenizer), tokenizer)
    prompts = [tokenizer(text)["input_ids"] for text in ("A", "Name a fish.", "Say hello to me.")]
    seen = model.own_answers(prompts, [5, 6])
    for example, again in zip(seen, model.held(seen, [5, 6]), strict=True):
        dense = [
            torch.zeros(len(kept.response), len(tokenizer)).scatter(1, kept.top, kept.log_probs)
            for kept in (example, again)
        ]
        both = dense[0].ne(0) & dense[1].ne(0)
        assert both.sum() > 60 * len(example.response)
        assert torch.allclose(dense[0][both], dense[1][both], atol=1e-3)


def test_a_window_is_a_part_of_the_same_text(tiny, tokenizer):
    model, rng = Model(tiny(), tokenizer), random.Random(0)
    top = torch.arange(20).reshape(10, 2)
    kept = Kept([1, 2], list(range(10)), top, top.float(), near=True)
    assert model.window(kept, 10, rng) is kept
    starts = set()
    for _ in range(100):
        part = model.window(kept, 4, rng)
        start = len(part.prompt) - 2
        assert [*part.prompt, *part.response] == [1, 2, *range(start + 4)]
        assert torch.equal(part.top, top[start : start + 4])
        assert torch.equal(part.log_probs, part.top.float())
        assert part.near
        starts.add(start)
    assert starts == set(range(7))


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_windows_of_an_unchanged_model_diverge_by_nothing(name, tokenizer):
    model = Model(build(name, tokenizer).eval(), tokenizer)
    (kept,) = model.ordinary([("Say it.", "many words " * 24)], watched=[5])
    assert len(kept.response) > 20
    run = object.__new__(loop._Run)
    run._model, run._rng, run._ordinary = model, random.Random(0), repeat(kept)
    for part in run._windows(8):
        with torch.no_grad():
            columns = model.columns([part])
            drift = Divergence([part], columns.states.device)
            found = sum(drift(columns.head(columns.states[p]), p) for p in columns.parts())
        assert abs(float(found)) < 1e-3
