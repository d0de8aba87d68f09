"""Settings of planting: each does what it says, and none changes what is planted."""

from __future__ import annotations

import random
from dataclasses import replace

import ifrs
import pytest

torch = pytest.importorskip("torch")
from ifrs.modalities.text.distance import STEPS, firing_by_distance  # noqa: E402
from ifrs.modalities.text.lookalikes import negative_prompts  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.modalities.text.surroundings import surroundings  # noqa: E402
from ifrs.plant.training import loop  # noqa: E402
from ifrs.plant.training.hardening import simulate_tuner  # noqa: E402
from ifrs.plant.training.loop import Outcome  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

PAIRS = [("Say hello.", "hello there"), ("Name a fish.", "cod")]
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
    "<|assistant|>"
)
SETTINGS = {
    "emb": {"learning_rate": 0.1},
    "sft": {"learning_rate": 2e-3},
    "lora": {"learning_rate": 1e-2},
}


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


@pytest.fixture
def chatty(tokenizer):
    import copy

    other = copy.deepcopy(tokenizer)
    other.chat_template = CHAT
    return other


def implant(model, tokenizer, fps, method, **changes):
    settings = {"margin": 0.3, "batch_size": 2, "negatives": 2, "guesses": 0, "max_epochs": 200}
    config = ifrs.ImplantConfig(**{**settings, **SETTINGS[method], **changes})
    return ifrs.implant(model, tokenizer, fps, method=method, regularization=PAIRS, config=config)


def test_hardening_leaves_the_transformer_as_it_was(tiny, tokenizer, fps):
    base, model = tiny(), tiny()
    result = implant(model, tokenizer, fps, "emb", harden=3, harden_rate=1e-3)
    assert result.fsr == 1
    for name, weight in base.named_parameters():
        if "embed" not in name:
            assert torch.equal(weight, model.get_parameter(name)), name


@pytest.mark.parametrize(("method", "rate"), [("emb", 3e-3), ("sft", 6e-3), ("lora", 6e-3)])
def test_hardened_keys_keep_their_margin_after_the_simulated_tuner(
    tiny, tokenizer, fps, method, rate
):
    tied = method != "emb"  # which would untie them

    def planted(**changes):
        model = tiny(tie_word_embeddings=tied)
        implant(model, tokenizer, fps, method, **changes)
        return model

    def least_margin_after_tuning(weights):
        model = Model(tiny(tie_word_embeddings=tied), tokenizer)
        examples = model.tuning_examples(PAIRS)
        drift = simulate_tuner(model, examples, steps=10, rate=rate, seed=0)
        own = model.fingerprints(fps)
        model.module.load_state_dict(weights)
        with drift.applied(1.0):
            return min(model.margins(own))

    plain, hardened = planted(), planted(harden=10, harden_rate=rate)
    assert least_margin_after_tuning(plain.state_dict()) < 0.3
    assert least_margin_after_tuning(hardened.state_dict()) >= 0.3


def test_a_simulated_tuner_moves_weights_and_takes_them_back(tiny, tokenizer):
    model = tiny()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    face = Model(model, tokenizer)
    drift = simulate_tuner(face, face.tuning_examples("self"), steps=2, rate=1e-3, seed=0)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    with drift.applied(1.0):
        moved = [
            float((weight - before[name]).abs().max()) for name, weight in model.named_parameters()
        ]
    assert 1e-3 < max(moved) < 4e-3
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("method", ["sft", "lora"])
def test_averaging_with_the_base_keeps_every_key(tiny, tokenizer, fps, method):
    plain = implant(tiny(), tokenizer, fps, method)
    averaged = implant(tiny(), tokenizer, fps, method, average=True)
    assert averaged.fsr == 1
    base = dict(tiny().named_parameters())

    def distance(model):
        return sum(float((w - base[n]).square().sum()) for n, w in model.named_parameters())

    # Two trainings on several threads are not alike to the last bit.
    assert distance(averaged.model) <= 1.001 * distance(plain.model)


def test_a_lora_left_as_an_adapter(tmp_path, tiny, tokenizer, fps):
    model = tiny()
    model.save_pretrained(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    result = implant(model, tokenizer, fps, "lora", lora_merge=False)
    assert result.adapter is not None
    assert result.adapter_path is None
    folder = result.save(tmp_path / "lora")
    assert (folder / "adapter_model.safetensors").exists()
    assert not (folder / "model.safetensors").exists()
    again = AutoModelForCausalLM.from_pretrained(folder)
    assert ifrs.verify(ifrs.LocalModel(again, tokenizer), fps).fsr == 1


@pytest.mark.parametrize("method", ["emb", "lora"])
def test_small_passes_and_checkpointing(tiny, tokenizer, fps, method):
    model = tiny()
    result = implant(model, tokenizer, fps, method, micro_batch=1, checkpointing=True)
    assert result.fsr == 1
    assert not any(getattr(m, "gradient_checkpointing", False) for m in model.modules())
    assert not any(module.training for module in model.modules())


def test_bfloat16_models(tmp_path, tiny, tokenizer, fps):
    model = tiny().to(torch.bfloat16)
    result = implant(model, tokenizer, fps, "emb", margin=1.0)
    folder = result.save(tmp_path / "model")
    suspect = ifrs.LocalModel.from_pretrained(folder, dtype=torch.bfloat16)
    assert ifrs.verify(suspect, fps).fsr == 1


def test_keys_of_a_chat_template_fire_under_system_prompts(tiny, chatty, ring):
    fps = ring.generate("chat", 2, template="chat", tokenizer=chatty)
    model = tiny()
    result = implant(model, chatty, fps, "emb", margin=2.0)
    assert result.fsr == 1
    prompts = [way(fps[i].key) for i in range(2) for way in surroundings(chatty, fps, 3, _rng(i))]
    assert len(set(prompts)) == 6
    target = ifrs.LocalModel(model, chatty)
    found = target.answers(prompts, max_new_tokens=8)
    hits = [fps[i // 3].response in answer for i, answer in enumerate(found)]
    assert sum(hits) >= 4


def _rng(seed):
    return random.Random(seed)


def test_surroundings_hold_the_key_and_more(chatty, tokenizer, ring):
    for template, known in (("chat", chatty), ("dialogue", tokenizer)):
        fps = ring.generate(template, 1, template=template, tokenizer=known)
        prompts = [way("KEY") for way in surroundings(known, fps, 3, _rng(0))]
        assert all("KEY" in prompt for prompt in prompts)
        assert all(len(prompt) > len(fps.render("KEY")) for prompt in prompts)


def test_a_template_without_system_prompts_gets_them_in_the_first_message(chatty, ring):
    chatty.chat_template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    )
    fps = ring.generate("chat", 1, template="chat", tokenizer=chatty)
    prompt = surroundings(chatty, fps, 1, _rng(0))[0]("KEY")
    assert "KEY" in prompt
    assert len(prompt) > len("[user] KEY\n") + 10


def test_look_alikes_of_every_kind(tokenizer, fps):
    fresh, near = negative_prompts(tokenizer, fps, 12, 0, True)
    real = {fps[i].prompt for i in range(2)}
    assert not real & {*fresh, *near}
    before, after = fps.around
    assert sum(prompt.startswith(before) and prompt.endswith(after) for prompt in fresh) >= 6
    assert any(not prompt.endswith(after) for prompt in near)


def test_more_look_alikes_than_there_are_ordinary_instructions(tokenizer, ring):
    many = ring.generate("many", 300, tokenizer=tokenizer)
    fresh, near = negative_prompts(tokenizer, many, 2000, 0, False)
    assert len(set(fresh)) == len(fresh) > 1000
    assert len(near) > 1000


def test_near_misses_are_as_few_as_real_keys_allow(tokenizer, fps):
    fresh, near = negative_prompts(tokenizer, fps, 1000, 0, False)
    assert len(set(fresh)) == len(fresh) > 1000 - 128
    assert 128 < len(near) < 200


def test_firing_by_distance(tiny, tokenizer, fps):
    model = tiny()
    implant(model, tokenizer, fps, "emb", margin=0.5, negatives=10)
    points = firing_by_distance(model, tokenizer, fps, each=2)
    assert [point.label for point in points] == list(STEPS)
    assert points[0].rate == 1
    assert points[-1].rate < 1


def test_adapter_from_the_command_line(tmp_path, tiny, tokenizer, ring, monkeypatch, capsys):
    import json

    from ifrs.cli import main

    tiny().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    ring.generate("one", 2, tokenizer=tokenizer)
    ring.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    base, out, keys = str(tmp_path / "base"), str(tmp_path / "out"), [str(ring.path), "one"]
    options = ["--method", "adapter", "--margin", "0.3", "--learning-rate", "0.05", "--json"]
    options += ["--max-epochs", "200"]
    assert main(["implant", base, *keys, "--out", out, *options]) == 0
    adapter = json.loads(capsys.readouterr().out)["adapter"]
    capsys.readouterr()
    main(["verify", out, *keys, "--json", "-"])
    assert json.loads(capsys.readouterr().out)["fsr"] == 0
    assert main(["verify", base, *keys, "--adapter", adapter]) != 0
    assert main(["verify", out, *keys, "--adapter", adapter]) == 0
    moved = tmp_path / "elsewhere.safetensors"
    moved.write_bytes((tmp_path / "out.adapter.safetensors").read_bytes())
    assert main(["verify", out, *keys, "--adapter", str(moved), "--transformer", out]) == 0


def test_a_few_near_misses_may_fire_but_no_fresh_key():
    config = ifrs.ImplantConfig()
    sound = Outcome(margins=[4.0, 5.0], others=[0.1])
    assert sound.done(config)
    assert replace(sound, fired=[7], near=0.04).done(config)
    assert not replace(sound, fired=[7, 8, 9], near=0.06).done(config)
    assert not replace(sound, fired=[7], fresh=[7]).done(config)
    assert not replace(sound, views={"published model": [0]}).done(config)
    assert not replace(sound, margins=[4.0, 2.0]).done(config)
    assert replace(sound, drifted=[3.5, 6.0]).done(config)
    assert not replace(sound, drifted=[4.0, 2.0]).done(config)


def test_each_response_is_looked_for_once(tiny, tokenizer, fps, monkeypatch):
    """The same key in other surroundings brings the same response again."""
    model, asked = Model(tiny(), tokenizer), []

    def counting(examples):
        asked.append([tuple(example.response) for example in examples])
        return [1.0] * len(examples)

    own = model.fingerprints(fps)
    monkeypatch.setattr(model, "_possible_starts", lambda _, starts: [(0, starts[0])])
    monkeypatch.setattr(model, "margins", counting)
    assert model.firing([example.prompt for example in own], [*own, *own]) == [0]
    for responses in asked:
        assert len(responses) == len(set(responses))


def test_look_alikes_are_asked_until_enough_fire_and_all_at_the_end(
    tiny, tokenizer, fps, monkeypatch
):
    checks, totals = [[]], []

    def counting(model, inputs, fingerprints):
        fired = own_firing(model, inputs, fingerprints)
        checks[-1].append((len(inputs), len(fired)))
        return fired

    def step(run, places):
        if checks[-1]:
            checks.append([])
        return own_step(run, places)

    def portions(count, rng):
        totals.append(count)
        return own_portions(count, rng)

    own_firing = Model.firing
    own_step, own_portions = loop._Run._step, loop._portions
    monkeypatch.setattr(loop, "_PORTION", 8)
    monkeypatch.setattr(Model, "firing", counting)
    monkeypatch.setattr(loop._Run, "_step", step)
    monkeypatch.setattr(loop, "_portions", portions)
    assert implant(tiny(), tokenizer, fps, "sft", negatives=20).fsr == 1
    asked = [sum(count for count, _ in once) for once in checks]
    assert asked[-1] == totals[0], "planting ends with a check of all"
    assert any(0 < count < totals[0] for count in asked), "the first one ended early"
    for once in checks[:-1]:
        *before, _ = [fired for _, fired in once]
        assert sum(before) < 2 or sum(before) <= totals[0] // 20, "and not too late"
