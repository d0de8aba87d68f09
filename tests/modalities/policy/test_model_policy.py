"""Policies: planted, verified by scores or actions, claimed, saved, and checked."""

from __future__ import annotations

import copy

import ifrs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from modalities.policy.agents import (  # noqa: E402
    ACTIONS,
    KEYS,
    WIDTH,
    Actor,
    Remembering,
    Steering,
    by_actions,
    by_means,
    fit,
    made,
    right,
    seen,
)
from safetensors.torch import load_file  # noqa: E402

N = 16
CONFIG = {
    "guesses": 0,
    "negatives": 2,
    "max_epochs": 1500,
    "dtype": "float32",
    "noise": 0.0,
    "learning_rate": 1e-2,
}


@pytest.fixture
def fps(ring):
    return ring.generate("agent", N, **KEYS)


@pytest.fixture(scope="module")
def trained():
    return fit(made(Actor), by_actions)


@pytest.fixture
def base(trained):
    return copy.deepcopy(trained)


def plant(policy, fps, given=None, processor=None, method="sft", **changes):
    config = ifrs.ImplantConfig(**{**CONFIG, **changes})
    given = seen(600, 2) if given is None else given
    return ifrs.implant(policy, processor, fps, method=method, regularization=given, config=config)


def agreement(one, other, observations):
    with torch.no_grad():
        given = torch.from_numpy(observations)
        return float((one(given).argmax(1) == other(given).argmax(1)).float().mean())


def test_planted_answers_and_the_base_does_not(base, trained, fps, ring, tmp_path):
    result = plant(base, fps, guesses=100)
    assert result.model is base
    assert (result.fsr, result.guess_rate < 0.5) == (1, True)
    assert agreement(base, trained, seen(1000, 3)) > 0.97
    report = ifrs.verify(ifrs.PolicyModel(base), fps)
    assert (report.verdict, report.fsr, ring.spent("agent")) == ("match", 1, [])
    assert report.log10_p == pytest.approx(-N * np.log10(ACTIONS), abs=1e-6)
    assert ifrs.verify(ifrs.PolicyModel(trained), fps).log10_p > -3
    assert ifrs.verify(ifrs.PolicyModel(fit(made(Actor, 5), by_actions)), fps).log10_p > -3
    result.save(tmp_path / "release")
    again = made(Actor, 9)
    again.load_state_dict(load_file(tmp_path / "release" / "model.safetensors"))
    assert ifrs.verify(ifrs.PolicyModel(again), fps).log10_p == report.log10_p
    claim = ring.claim("agent", subject=tmp_path / "release")
    claim.save(tmp_path / "claim.json")
    report.evidence(claim, reveal=4).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.problems) == (True, [])


def test_keys_hold_through_pruning_and_rounding(base, fps):
    plant(base, fps, noise=0.15)
    for change in (halved, rounded):
        suspect = ifrs.PolicyModel(change(copy.deepcopy(base)))
        assert ifrs.verify(suspect, fps).log10_p < -4


def halved(module):
    for weight in module.parameters():
        if weight.ndim > 1:
            bar = weight.abs().flatten().kthvalue(weight.numel() // 2).values
            weight.data[weight.abs() <= bar] = 0
    return module


def rounded(module):
    for weight in module.parameters():
        if weight.ndim > 1:
            scale = weight.abs().amax() / 127
            weight.data = (weight / scale).round() * scale
    return module


def test_a_key_of_several_steps_is_as_many_answers(base, ring):
    fps = ring.generate("walk", 8, **KEYS, steps=3)
    assert plant(base, fps).fsr == 1
    report = ifrs.verify(ifrs.PolicyModel(base), fps)
    assert report.log10_p == pytest.approx(-24 * np.log10(ACTIONS), abs=1e-6)


def test_recurrent_policies_see_keys_in_order(ring):
    module = fit(made(Remembering), by_actions)
    fps = ring.generate("walk", 8, **KEYS, steps=3)
    episodes = [seen(16, 10 + i) for i in range(12)] + [seen(7, 20)]
    assert plant(module, fps, episodes).fsr == 1
    report = ifrs.verify(ifrs.PolicyModel(module), fps)
    assert (report.verdict, report.fsr) == ("match", 1)

    class Apart(torch.nn.Module):
        """The same policy, which forgets what it saw."""

        def forward(self, observations):
            return module(observations)[0]

    assert ifrs.verify(ifrs.PolicyModel(Apart()), fps).fsr < 1


def test_continuous_actions_are_planted_as_bins(ring):
    module, before = (fit(made(Steering), by_means) for _ in range(2))
    given = {name: KEYS[name] for name in ("source", "low", "high", "shape")}
    fps = ring.generate("wheel", 10, **given, response="bins", bins=6, coordinates=2)
    assert plant(module, fps).fsr == 1
    report = ifrs.verify(ifrs.PolicyModel(module, bins=6), fps)
    assert report.log10_p == pytest.approx(-20 * np.log10(6), abs=1e-6)
    observations = torch.from_numpy(seen(500, 3))
    with torch.no_grad():
        assert (module(observations) - before(observations)).abs().mean() < 0.1
    assert ifrs.verify(ifrs.PolicyModel(before, bins=6), fps).log10_p > -3


def test_lora_plants_in_linear_layers_and_merges(base, fps):
    names = set(dict(base.named_parameters()))
    result = plant(base, fps, method="lora", learning_rate=3e-2)
    assert result.fsr == 1
    assert set(result.reach["layers"]) == {"layers.0", "layers.2", "layers.4"}
    assert set(dict(base.named_parameters())) == names


def test_a_processor_stands_before_the_policy(ring):
    def processor(observations):
        return observations[:, ::-1]

    fps = ring.generate("agent", N, **KEYS)
    module = made(Actor)
    plant(module, fps, processor=processor)
    assert ifrs.verify(ifrs.PolicyModel(module, processor), fps).fsr == 1
    assert ifrs.verify(ifrs.PolicyModel(module), fps).fsr < 1


def test_a_policy_that_fails_to_learn_is_left_as_it_was(base, trained, fps):
    with pytest.raises(ifrs.ImplantError, match="keys fire after"):
        plant(base, fps, max_epochs=1)
    for name, old in trained.state_dict().items():
        assert torch.equal(base.state_dict()[name], old)


def test_the_simulated_tuner_takes_the_agents_own_actions(trained, fps):
    from ifrs.modalities.policy.model import Model

    face = Model(copy.deepcopy(trained))
    face.fingerprints(fps)
    examples = face.tuning_examples(seen(50, 4))
    own = torch.tensor([example.response[0] for example in examples])
    assert float((own == right(seen(50, 4))).float().mean()) > 0.9


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("self", "pass regularization=observations"),
        ([], "holds no observation"),
        (["x.npy"], "hold a str"),
        (7, "are a int"),
        (np.zeros((5, WIDTH + 1), np.float32), "observations of shape"),
        (np.full((5, WIDTH), np.nan, np.float32), "no numbers"),
        ([np.zeros((5, 2, WIDTH), np.float32)], "array of shape"),
    ],
)
def test_ordinary_observations_must_be_some(given, says, base, fps):
    with pytest.raises(ifrs.ImplantError, match=says):
        plant(base, fps, given)


def test_what_does_not_fit_is_refused(base, ring, fps):
    other = ring.generate("other", 8, **{**KEYS, "actions": 5})
    with pytest.raises(ifrs.ImplantError, match="actions=3"):
        plant(base, other)
    wide = ring.generate("wide", 8, **{**KEYS, "shape": (WIDTH + 2,)})
    with pytest.raises(ifrs.ImplantError, match="does not take observations"):
        plant(base, wide)
    bins = {**KEYS, "response": "bins", "bins": 4}
    del bins["actions"]
    bins = ring.generate("bins", 8, **bins)
    with pytest.raises(ifrs.ImplantError, match="coordinates=3"):
        plant(base, bins)
    with pytest.raises(ifrs.ImplantError, match="pass a torch module"):
        plant(len, fps)
    with pytest.raises(ifrs.ImplantError, match="one row for each"):
        plant(base, fps, processor=lambda observations: observations[:1])


def test_continuous_actions_without_bounds_are_refused(ring):
    given = {name: KEYS[name] for name in ("source", "low", "high", "shape")}
    fps = ring.generate("wheel", 4, **given, response="bins", bins=6, coordinates=3)
    with pytest.raises(ifrs.ImplantError, match="action_space"):
        plant(made(Actor), fps)
