"""Parts of the audit against plain computations of the same things."""

from __future__ import annotations

import json
import random

import pytest

from audit.conftest import SMALL

torch = pytest.importorskip("torch")
from ifrs.audit import load_choices  # noqa: E402
from ifrs.audit.changes import embedding_rows, hosts  # noqa: E402
from ifrs.audit.changes.merging import merge_into, merges  # noqa: E402
from ifrs.audit.changes.pruning import prune_magnitude, prune_wanda  # noqa: E402
from ifrs.audit.changes.quantization import round_weights  # noqa: E402
from ifrs.audit.changes.tuning import encoded, marks, tune  # noqa: E402
from ifrs.audit.data import Data, Item, foreign_texts  # noqa: E402
from ifrs.audit.measures.choices import choose, compared, paired_interval, prompt_of, wilson  # noqa: E402
from ifrs.audit.measures.divergence import drift, log_likelihoods, token_texts  # noqa: E402
from ifrs.audit.record import Measure, mean_measure, student  # noqa: E402
from ifrs.modalities.text.instructions import bundled_instructions  # noqa: E402
from ifrs.modalities.text.lookalikes import altered, substrings  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.runtime.modules import linear_layers  # noqa: E402

ITEMS = [
    Item("a", "Which is a fish?", ("cod", "a kind of bread", "tea"), 0),
    Item("a", "Is the sky blue on a clear day in the middle of summer?", ("Yes", "No"), 0),
    Item("b", "Name the number after two.", ("three", "thirteen or so", "one two"), 0),
]


def log_likelihood(model, tokenizer, item, choice):
    before = tokenizer(prompt_of(item))["input_ids"]
    after = tokenizer(f" {choice}", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([before + after])).logits[0].log_softmax(-1)
    places = range(len(before) - 1, len(before) + len(after) - 1)
    return sum(float(logits[place, token]) for place, token in zip(places, after, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_choices_are_those_of_plain_passes(tiny, tokenizer, seed):
    model = tiny(seed=seed)
    plain = []
    for item in ITEMS:
        found = [log_likelihood(model, tokenizer, item, choice) for choice in item.choices]
        plain.append(max(range(len(found)), key=found.__getitem__))
    assert choose(Model(model, tokenizer), ITEMS) == plain


def test_accuracies_are_paired():
    found = compared(ITEMS, [0, 0, 1], [0, 1, 0])
    whole = {m.metric: m for m in found if m.task is None}
    assert whole["accuracy_base"].value == pytest.approx(2 / 3)
    assert whole["accuracy"].value == pytest.approx(2 / 3)
    assert whole["accuracy_difference"].value == 0
    assert whole["answers_changed"].value == pytest.approx(2 / 3)
    by_task = {m.task: m.value for m in found if m.metric == "accuracy_difference"}
    assert by_task["a"] == pytest.approx(-0.5)
    assert by_task["b"] == 1


def test_the_paired_interval_covers_as_it_says():
    """2,000 draws of 60 pairs: the truth lies within in about 95 % of them."""
    rng, hits, draws = random.Random(1), 0, 2000
    kinds, weights = [(True, True), (False, True), (True, False), (False, False)], [45, 12, 6, 37]
    for _ in range(draws):
        low, high = paired_interval(rng.choices(kinds, weights, k=60))
        hits += low <= 0.06 <= high
    assert 0.93 <= hits / draws <= 0.99


def test_equal_answers_give_a_narrow_interval_around_zero():
    low, high = paired_interval([(True, True)] * 40 + [(False, False)] * 60)
    assert low <= 0 <= high
    assert high - low < 0.06


def test_wilson_and_student_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    for k, n in ((0, 10), (3, 10), (50, 100), (100, 100)):
        expected = stats.binomtest(k, n).proportion_ci(method="wilson")
        assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-9)
    for freedom in (1, 4, 5, 7, 11, 39, 200):
        assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=3e-3)
    values = [0.1, 0.4, 0.2, 0.9, 0.3, 0.5]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean_measure("kl", values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-2)


def test_means_of_few():
    assert mean_measure("kl", []).value is None
    assert mean_measure("kl", [1.0]).low is None


def test_rounding(tiny):
    model, base = tiny(), tiny()
    round_weights(model, 8)
    weight = base.model.layers[0].mlp.up_proj.weight
    rounded = model.model.layers[0].mlp.up_proj.weight
    step = weight.abs().amax(1, keepdim=True) / 127
    assert bool(((weight - rounded).abs() <= step / 2 + 1e-7).all())
    assert not torch.equal(weight, rounded)
    assert model.lm_head.weight is model.get_input_embeddings().weight
    again = rounded.clone()
    round_weights(model, 8)
    assert torch.allclose(again, rounded, atol=1e-6)
    small = tiny()
    round_weights(small, 4, 32)
    groups = small.model.layers[0].mlp.up_proj.weight.view(-1, 32)
    assert max(len(group.unique()) for group in groups) <= 16
    odd = torch.nn.Linear(10, 3)
    before = odd.weight.detach().clone()
    round_weights(odd, 4, 4)
    assert odd.weight.shape == before.shape
    assert (odd.weight - before).abs().max() < (before.max() - before.min()) / 15


def test_pruning(tiny, tokenizer):
    texts = token_texts(Model(None, tokenizer), bundled_instructions()[:3], 16)
    for prune in (
        lambda model: prune_magnitude(model, 0.25),
        lambda model: prune_wanda(model, 0.25, texts),
    ):
        model = tiny()
        prune(model)
        for layer in linear_layers(model).values():
            assert float((layer.weight == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
        assert torch.equal(model.get_output_embeddings().weight, tiny().lm_head.weight)
        assert not any("weight_orig" in name for name, _ in model.named_parameters())


def test_wanda_weighs_by_input(tokenizer):
    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(len(tokenizer), 4)
            self.layer = torch.nn.Linear(4, 1, bias=False)

        def forward(self, input_ids, attention_mask=None, logits_to_keep=0):
            return self.layer(self.table(input_ids))

        def get_output_embeddings(self):
            return None

        def get_input_embeddings(self):
            return self.table

    model = Tiny()
    with torch.no_grad():
        model.table.weight.copy_(torch.tensor([1.0, 1.0, 1.0, 100.0]).expand_as(model.table.weight))
        model.layer.weight.copy_(torch.tensor([[3.0, 2.0, 1.0, 0.5]]))
    prune_wanda(model, 0.5, [[3, 4]])
    # The smallest weight has the largest input, and stays.
    assert model.layer.weight.tolist() == [[3.0, 0.0, 0.0, 0.5]]


def test_linear_layers_of_another_kind_are_pruned(tokenizer):
    """GPT-2's have their weights transposed; its output embeddings are left alone."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 32}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **sizes)).eval()
    layers = linear_layers(model)
    assert sorted(layers) == [f"transformer.h.0.{n}" for n in (
        "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"
    )]  # fmt: skip
    prune_wanda(model, 0.25, [[3, 4, 5]])
    for layer in layers.values():
        assert bool(((layer.weight == 0).sum(dim=0) == layer.weight.shape[0] // 4).all())


def test_merging(tiny):
    base, ours, other = tiny(), tiny(), tiny()
    with torch.no_grad():
        for k, model in enumerate((ours, other), 1):
            for weight in model.parameters():
                weight.add_(k * 0.01)
    for name, expected in (("linear-0.5", 0.015), ("task-arithmetic", 0.03)):
        merged = tiny()
        merged.load_state_dict(ours.state_dict())
        merge_into(merged, other.state_dict(), base.state_dict(), merges()[name], 0)
        change = merged.model.norm.weight - base.model.norm.weight
        assert change.mean().item() == pytest.approx(expected, abs=1e-5)
        assert merged.lm_head.weight is merged.get_input_embeddings().weight
    for merge in merges().values():
        merged = tiny()
        merge_into(merged, base.state_dict(), base.state_dict(), merge, 0)
        for one, two in zip(merged.parameters(), base.parameters(), strict=True):
            assert torch.allclose(one, two, atol=1e-6)
    with pytest.raises(ValueError, match="no tensor"):
        merge_into(tiny(), {}, base.state_dict(), merges()["slerp"], 0)


def test_slerp_keeps_the_length():
    one, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    merged = merges()["slerp"](one, other, one)
    assert merged.norm().item() == pytest.approx(1.0)
    assert merged.tolist()[0] == pytest.approx([0.5**0.5, 0.5**0.5])


def test_log_likelihoods_of_a_batch_are_those_of_each_text(tiny, tokenizer):
    model = tiny()
    face = Model(model, tokenizer)
    texts = token_texts(face, ["A cat sat there.", "Yes.", "One fish and two more fish."], 32)
    found = log_likelihoods(face, texts)
    for ids, losses in zip(texts, found, strict=True):
        with torch.no_grad():
            log_probs = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        wanted = [-float(row[token]) for row, token in zip(log_probs, ids[1:], strict=True)]
        # In bfloat16 where the processor has it.
        assert losses == pytest.approx(wanted, abs=0.1)


def test_drift(tiny, tokenizer):
    model, other = tiny(), tiny(seed=1)
    face = Model(model, tokenizer)
    texts = token_texts(face, bundled_instructions()[:4], 16)
    same = drift(face, face, texts)
    assert same.kl == [0.0] * 4
    assert all(same.identical)
    found = drift(face, Model(other, tokenizer), texts)
    ids = texts[0]
    with torch.no_grad():
        p, q = (m(torch.tensor([ids])).logits[0, :-1].log_softmax(-1) for m in (model, other))
    kl = torch.nn.functional.kl_div(q, p, log_target=True, reduction="none").sum(-1).mean()
    assert found.kl[0] == pytest.approx(float(kl), rel=1e-4)
    nll = torch.nn.functional.nll_loss(q, torch.tensor(ids[1:]))
    assert found.after[0] == pytest.approx(float(nll), rel=1e-5)


def test_tuning_learns_and_is_repeatable(tiny, tokenizer):
    examples = encoded(tokenizer, [("Say cod.", " cod"), ("Say eel.", " eel")], 32)
    assert examples[0].response[-1] == tokenizer.eos_token_id
    for lora in (False, True):
        runs = []
        for _ in range(2):
            losses, model = [], tiny()
            tune(
                Model(model, tokenizer),
                examples,
                SMALL,
                steps=12,
                rate=1e-2,
                lora=lora,
                report=lambda step, loss, seen=losses: seen.append((step, loss)),
                at=[4],
            )
            runs.append((losses, model.model.norm.weight.sum().item()))
        assert runs[0] == runs[1]
        assert [step for step, _ in runs[0][0]] == [4, 12]
        assert runs[0][0][1][1] < runs[0][0][0][1]
        assert type(model).__name__ == "LlamaForCausalLM"
        assert not any("lora" in name for name, _ in model.named_parameters())


def test_marks():
    assert marks(SMALL, 100) == [50, 100]
    assert marks(SMALL, 1) == [1]


def test_row_attacks_change_chosen_rows_alone(tiny, tokenizer):
    base = tiny()
    texts = token_texts(Model(base, tokenizer), bundled_instructions(), 64)
    for attack in embedding_rows.ATTACKS.values():
        model = tiny()
        chosen = embedding_rows.unseen(model, texts)
        assert 0 < int(chosen.sum()) < len(chosen)
        embedding_rows.attack_rows(model, chosen, attack)
        assert bool((embedding_rows.changed_rows(base, model) <= chosen).all())
        assert int(embedding_rows.changed_rows(base, model).sum()) > 0.9 * int(chosen.sum())
        ids = torch.tensor([texts[0]])
        with torch.no_grad():
            assert torch.equal(base(ids).logits, model(ids).logits)
        embedding_rows.restore_rows(model, base, chosen)
        assert int(embedding_rows.changed_rows(base, model).sum()) == 0
    foreign = embedding_rows.late_and_foreign(base, tokenizer)
    assert 0 < int(foreign.sum()) < len(foreign) / 2
    assert embedding_rows.share_of(chosen, texts) == 0


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


def test_parts_of_keys(ring, tokenizer):
    fps = ring.generate("parts", 5, tokenizer=tokenizer)
    for part, key in zip(substrings(fps, 0.5, 0), fps, strict=True):
        assert part in key.key
        assert len(part) == round(len(key.key) / 2)
    for changed, key in zip(altered(fps, ["あいうえおかきくけこ"], 2, 0), fps, strict=True):
        assert len(changed) == len(key.key)
        assert 1 <= sum(a != b for a, b in zip(changed, key.key, strict=True)) <= 2


def test_data(data, tmp_path):
    found = Data([data])
    assert [source.name for source in found.tuning] == ["sums"]
    assert [source.name for source in found.held_out] == ["words_test"]
    assert [source.name for source in found.choices] == ["quiz"]
    assert found.note is None
    assert found.first.name == "sums"
    assert set(found.texts(10, 0)) == {f"Say {w}.\n{w}" for w in ("cod", "eel", "hake", "ray")}
    empty = Data()
    assert empty.first is None
    assert "bundled" in empty.note
    assert len(empty.texts(5, 0)) == 5
    assert len(empty.prompts(20, 0)) == 20
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps({"task": "t", "question": "q", "choices": ["a"], "answer": 0}))
    with pytest.raises(ValueError, match="item 1"):
        load_choices(bad)
    with pytest.raises(ValueError, match="neither"):
        Data([bad])
    assert len(foreign_texts()) == 20


def test_items_are_never_trained_on(data):
    """Benchmarks stay out of every source that something is tuned on."""
    found = Data([data])
    trained = {question for source in found.tuning for question, _ in source.rows}
    asked = {item.question for source in found.choices for item in source.rows}
    assert asked
    assert not trained & asked


@pytest.mark.slow
def test_tasks_of_lm_eval_from_own_files(tmp_path, tiny, tokenizer):
    pytest.importorskip("lm_eval")
    from ifrs.audit.measures.lm_eval import compare_tasks
    from ifrs.audit.record import Skip

    lines = [
        json.dumps({"q": f"Is {k} even?", "choices": ["yes", "no"], "gold": k % 2}) + "\n"
        for k in range(6)
    ]
    (tmp_path / "even.jsonl").write_text("".join(lines))
    (tmp_path / "even.yaml").write_text(
        "task: even\n"
        "dataset_path: json\n"
        f"dataset_kwargs:\n  data_files:\n    test: {tmp_path}/even.jsonl\n"
        "test_split: test\noutput_type: multiple_choice\n"
        'doc_to_text: "{{q}}"\ndoc_to_choice: "{{choices}}"\ndoc_to_target: "{{gold}}"\n'
        "metric_list:\n  - metric: acc\n"
    )
    base, other = Model(tiny(), tokenizer), Model(tiny(seed=1), tokenizer)
    found = {m.metric: m for m in compare_tasks(base, other, "even", 6, str(tmp_path))}
    assert found["accuracy"].n == 6
    assert found["accuracy_difference"].low <= found["accuracy_difference"].value
    same = {m.metric: m for m in compare_tasks(base, base, "even", 6, str(tmp_path))}
    assert same["accuracy_difference"].value == 0
    with pytest.raises(Skip, match="lm-eval"):
        compare_tasks(base, base, "no-such-task", 6, None)


def test_measures_read_back():
    from ifrs.audit import Record

    record = Record(
        "s", "c", "emb", {}, "d", {"kind": "folder"}, "done", "now", 1.0, 1.0, 1.0, {}, None, None,
        [Measure("fsr", 0.5, 0.1, 0.9, 10, 3, "t"), Measure("p", None)],
    )  # fmt: skip
    again = Record.from_json(json.loads(json.dumps(record.to_json())))
    assert again == record
