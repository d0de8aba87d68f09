"""Changes of the weights that keys are hardened against."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from helpers import PAIRS, implant  # noqa: E402
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.plant.changes import CHANGES  # noqa: E402
from ifrs.plant.changes.erasing import simulate_eraser  # noqa: E402
from ifrs.plant.changes.low_bits import LowBits  # noqa: E402
from ifrs.plant.changes.merging import Merged  # noqa: E402
from ifrs.plant.changes.pruning import Pruned  # noqa: E402
from ifrs.plant.config import HARDENINGS, ImplantConfig  # noqa: E402
from ifrs.plant.methods import method_class  # noqa: E402
from ifrs.runtime.examples import Example  # noqa: E402
from ifrs.runtime.modules import linear_layers  # noqa: E402


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def begun(model, fps, method):
    planting = method_class(method).from_config(ImplantConfig())
    planting.prepare(model, fps, ImplantConfig())
    planting.parameters = planting.begin()
    return planting


def weights_of(module):
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


def test_every_name_of_the_settings_has_a_change():
    assert sorted(CHANGES) == sorted(HARDENINGS)


@pytest.mark.parametrize(
    ("harden", "names"),
    [
        (0, ()),
        (7, ("tuning",)),
        ("merging", ("merging",)),
        (["rounding", "merging", "rounding"], ("merging", "rounding")),
        ("robust", HARDENINGS),
    ],
)
def test_changes_are_named(harden, names):
    assert ImplantConfig(harden=harden).hardenings == names


def test_steps_of_simulated_tuners():
    assert ImplantConfig(harden=7).tuner_steps == 7
    assert ImplantConfig(harden="merging").tuner_steps == 25
    assert ImplantConfig(harden="merging", harden_steps=3).tuner_steps == 3


def test_an_unknown_change_is_refused():
    with pytest.raises(ValueError, match="harden takes erasing, merging"):
        ImplantConfig(harden=["merging", "melting"])


@pytest.mark.parametrize("method", ["emb", "sft", "lora", "adapter"])
def test_half_of_what_was_planted(tiny, tokenizer, fps, method):
    model = Model(tiny(), tokenizer)
    planting = begun(model, fps, method)
    for weight in planting.parameters:
        weight.data = weight.data + torch.linspace(0, 1, weight.numel()).view_as(weight)
    planted = [weight.detach().clone() for weight in planting.parameters]
    with Merged(planting).applied(1.0):
        halves = [weight.detach().clone() for weight in planting.parameters]
    with Merged(planting).applied(2.0):
        gone = [weight.detach().clone() for weight in planting.parameters]
    moved = [
        place
        for place, (whole, half) in enumerate(zip(planted, halves, strict=True))
        if not torch.equal(whole, half)
    ]
    assert moved
    for place in moved:  # on a straight line to the base
        middle = (planted[place] + gone[place]) / 2
        assert torch.allclose(halves[place], middle, atol=1e-5)
    for weight, whole in zip(planting.parameters, planted, strict=True):
        assert torch.equal(weight, whole)
    planting.undo()


def test_merging_takes_half_of_another_tune(tiny, tokenizer, fps):
    module = tiny()
    model = Model(module, tokenizer)
    before = weights_of(module)
    planting = begun(model, fps, "emb")
    other = simulate_eraser(
        model, [Example([5, 6], [7])], model.tuning_examples(PAIRS), steps=2, rate=1e-3, seed=0
    )
    with other.applied(1.0):
        whole = weights_of(module)
    with Merged(planting, other).applied(1.0):
        half = weights_of(module)
    for name, weight in before.items():
        assert torch.allclose(half[name], (weight + whole[name]) / 2, atol=1e-6), name
    assert all(torch.equal(weight, before[name]) for name, weight in module.named_parameters())
    planting.undo()


def test_half_of_every_layers_weights_are_pruned(tiny, tokenizer):
    module = tiny()
    model = Model(module, tokenizer)
    pruned = Pruned(model, model.tuning_examples(PAIRS))
    before = weights_of(module)
    with pruned.applied(1.0):
        for name, layer in linear_layers(module).items():
            zeros = (layer.weight == 0).sum(1)
            assert (zeros == layer.weight.shape[1] // 2).all(), name
            kept = layer.weight != 0
            assert torch.equal(layer.weight[kept], before[f"{name}.weight"][kept])
    assert all(torch.equal(weight, before[name]) for name, weight in module.named_parameters())


def test_layers_and_planted_rows_are_rounded(tiny, tokenizer, fps):
    module = tiny()
    model = Model(module, tokenizer)
    change = LowBits(model, planting := begun(model, fps, "emb"))
    with change.applied(1.0):
        rounded = [layer.weight for layer in linear_layers(module).values()]
        for weight in [*rounded, planting.planted()]:
            groups = weight.detach().view(-1, 32)
            steps = [group.sort().values.diff() for group in groups]
            assert max(int((step > 1e-6).sum()) for step in steps) < 16
    planting.undo()


@pytest.mark.parametrize("method", ["emb", "sft"])
def test_keys_bear_every_change(tiny, tokenizer, fps, method):
    result = implant(
        tiny(tie_word_embeddings=method != "emb"),
        tokenizer,
        fps,
        method,
        harden="robust",
        harden_steps=4,
        max_epochs=400,
    )
    assert result.fsr == 1
    assert set(result.changed_fsr) == {"erasing", "merging", "pruning", "rounding", "tuning"}
    assert min(result.changed_fsr.values()) == 1


def test_half_a_hardened_plant_fires_by_the_margin(tiny, tokenizer, fps):
    def left(**changes):
        model = Model(tiny(tie_word_embeddings=False), tokenizer)
        base = weights_of(model.module)
        implant(model.module, tokenizer, fps, "emb", margin=0.1, **changes)
        with torch.no_grad():
            for name, weight in model.module.named_parameters():
                weight.copy_((weight + base[name]) / 2)
        return min(model.margins(model.fingerprints(fps)))

    hardened = left(harden="merging")
    assert hardened >= 0.0333  # a third of the margin
    assert hardened > left()
