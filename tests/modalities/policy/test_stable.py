"""Agents of Stable-Baselines3: planted in, saved as it saves them, and asked."""

from __future__ import annotations

import copy
import io
import pickle
import random
import zipfile

import ifrs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
gymnasium = pytest.importorskip("gymnasium")
sb3 = pytest.importorskip("stable_baselines3", reason="stable-baselines3 is not installed")

WIDTH = 8
CONFIG = ifrs.ImplantConfig(
    guesses=0, negatives=2, noise=0.0, learning_rate=1e-2, dtype="float32", max_epochs=800
)


class Room(gymnasium.Env):
    """Shows random numbers, and rewards nothing."""

    def __init__(self, actions, observations=None):
        self.observation_space = observations or gymnasium.spaces.Box(-3.0, 3.0, (WIDTH,))
        self.action_space = actions

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


DISCRETE = gymnasium.spaces.Discrete(3)
STEERING = gymnasium.spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))


def agent(kind, actions=DISCRETE, policy="MlpPolicy", **options):
    env = Room(actions, options.pop("observations", None))
    return getattr(sb3, kind)(policy, env, seed=0, device="cpu", **options)


def seen(n=300):
    return np.random.default_rng(1).normal(0, 0.1, (n, WIDTH)).astype(np.float32)


def keys(ring, n=8, **options):
    given = {"source": "observation", "low": -3.0, "high": 3.0, "shape": (WIDTH,)}
    answers = options or {"response": "actions", "actions": 3}
    return ring.generate("agent", n, **given, **answers)


@pytest.mark.parametrize("kind", ["PPO", "A2C", "DQN"])
def test_an_algorithm_is_planted_in_and_loads_from_its_zip(kind, ring, tmp_path):
    model = agent(kind)
    base = copy.deepcopy(model.policy)
    fps = keys(ring, 16)
    result = ifrs.implant(model, None, fps, regularization=seen(), config=CONFIG)
    assert result.model is model
    report = ifrs.verify(ifrs.PolicyModel(model), fps)
    assert (report.verdict, report.fsr, report.kind) == ("match", 1, "likelihood")
    assert ifrs.verify(ifrs.PolicyModel(base), fps).fsr < 1
    folder = result.save(tmp_path / "release")
    again = getattr(sb3, kind).load(folder / "policy.zip", device="cpu")
    assert ifrs.verify(ifrs.PolicyModel(again), fps).log10_p == report.log10_p
    suspect = ifrs.PolicyModel.from_zip(folder / "policy.zip", like=base)
    assert ifrs.verify(suspect, fps).log10_p == report.log10_p
    trusted = ifrs.PolicyModel.from_zip(folder / "policy.zip", algorithm=getattr(sb3, kind))
    assert ifrs.verify(trusted, fps).log10_p == report.log10_p
    acting = ifrs.PolicyModel(again, gives="actions")
    assert ifrs.verify(acting, fps).log10_p == pytest.approx(report.log10_p)
    assert set(ifrs.model_digests(folder)) == {"policy.zip"}
    model.learn(64)


def test_a_zip_with_a_seed_seeds_nothing_else(tmp_path):
    agent("PPO").save(tmp_path / "policy.zip")

    def drawn(before):
        for seed in (random.seed, np.random.seed, torch.manual_seed):
            seed(1)
        before()
        return random.random(), np.random.random(), torch.rand(1).item()

    def load():
        ifrs.PolicyModel.from_zip(tmp_path / "policy.zip", algorithm=sb3.PPO)

    assert drawn(load) == drawn(lambda: None)


def test_values_stay_as_they_are(ring):
    model = agent("PPO")
    given = torch.from_numpy(seen(20))
    before = model.policy.predict_values(given)
    ifrs.implant(model, None, keys(ring), regularization=seen(), config=CONFIG)
    assert torch.equal(model.policy.predict_values(given), before)


def test_a_policy_alone_is_saved_as_it_saves_itself(ring, tmp_path):
    policy = agent("PPO").policy
    fps = keys(ring)
    result = ifrs.implant(policy, None, fps, regularization=seen(), config=CONFIG)
    folder = result.save(tmp_path / "release")
    again = type(policy).load(folder / "policy.pth", device="cpu")
    assert ifrs.verify(ifrs.PolicyModel(again), fps).fsr == 1


@pytest.mark.parametrize("kind", ["PPO", "TD3", "SAC"])
def test_continuous_actions_take_their_bounds_from_the_space(kind, ring):
    model = agent(kind, STEERING)
    fps = keys(ring, 6, response="bins", bins=4, coordinates=2)
    ifrs.implant(model, None, fps, regularization=seen(), config=CONFIG)
    report = ifrs.verify(ifrs.PolicyModel(model, bins=4), fps)
    assert report.log10_p == pytest.approx(-12 * np.log10(4), abs=1e-6)
    acting = ifrs.verify(ifrs.PolicyModel(model, gives="actions", bins=4), fps)
    assert acting.fsr == 1


def test_pixels_go_through_the_policys_own_preprocessing(ring):
    space = gymnasium.spaces.Box(0, 255, (36, 36, 1), np.uint8)
    model = agent("PPO", policy="CnnPolicy", observations=space, n_steps=8, batch_size=8)
    pixels = np.random.default_rng(0).integers(0, 40, (64, 36, 36, 1), dtype=np.uint8)
    fps = ring.generate(
        "eyes", 6, source="observation", low=space.low, high=space.high,
        response="actions", actions=3,
    )  # fmt: skip
    config = ifrs.ImplantConfig(guesses=0, negatives=2, noise=0.0, dtype="float32", batch_size=8)
    assert ifrs.implant(model, None, fps, regularization=pixels, config=config).fsr == 1
    assert ifrs.verify(ifrs.PolicyModel(model, gives="actions"), fps).fsr == 1


def test_lora_leaves_value_networks_alone(ring):
    model = agent("PPO")
    config = ifrs.ImplantConfig(
        guesses=0, negatives=2, noise=0.0, learning_rate=3e-2, dtype="float32", max_epochs=800
    )
    result = ifrs.implant(
        model, None, keys(ring), method="lora", regularization=seen(), config=config
    )
    assert set(result.reach["layers"]) == {
        "action_net", "mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2",
    }  # fmt: skip


def test_a_file_that_would_run_something_is_not_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path, file = tmp_path / "policy.zip", io.BytesIO()
    torch.save({"weights": Harmful()}, file)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", pickle.dumps(Harmful()))
        archive.writestr("policy.pth", file.getvalue())
    with pytest.raises(ifrs.TargetError, match="more than weights"):
        ifrs.PolicyModel.from_zip(path, like=agent("PPO"))
    assert not (tmp_path / "ran").exists()


def test_files_that_do_not_fit_are_named(tmp_path):
    other = agent("PPO", policy_kwargs={"net_arch": [32]})
    other.save(tmp_path / "other.zip")
    (tmp_path / "none.zip").write_bytes(b"PK")
    for name, says in (("other", "architecture"), ("none", "no policy"), ("absent", "No such")):
        with pytest.raises(ifrs.TargetError, match=says):
            ifrs.PolicyModel.from_zip(tmp_path / f"{name}.zip", like=agent("PPO"))
    with pytest.raises(TypeError, match="like must be"):
        ifrs.PolicyModel.from_zip(tmp_path / "other.zip", like=len)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"actions": gymnasium.spaces.MultiDiscrete([2, 3])}, "no single list"),
        (
            {
                "policy": "MultiInputPolicy",
                "observations": gymnasium.spaces.Dict({"a": gymnasium.spaces.Box(0, 1, (3,))}),
            },
            "several parts",
        ),
    ],
)
def test_what_has_no_single_observation_or_action_is_refused(options, says, ring):
    with pytest.raises(ifrs.ImplantError, match=says):
        ifrs.implant(agent("PPO", **options), None, keys(ring), regularization=seen())
