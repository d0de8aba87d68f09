"""An agent that balances a pole, trained here by PPO to the most that there is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ifrs.demo.kinds.parts import Parts
from ifrs.modalities.policy.suspect import PolicyModel
from ifrs.plant.config import ImplantConfig

ENVIRONMENT = "CartPole-v1"
# Settings of RL Baselines3 Zoo for it.
_AGENTS, _STEPS = 8, 100_000
LEARNING: dict[str, Any] = {
    "n_steps": 32, "batch_size": 256, "gae_lambda": 0.8, "gamma": 0.98, "n_epochs": 20,
    "ent_coef": 0.0,
}  # fmt: skip
_RATE, _CLIP = 1e-3, 0.2
# Renamed when the training changes, so that an old cache is not taken for a new one.
_CACHE = "cartpole-ppo-v1"
# What the environment can show; velocities, which it does not bound, several times what is seen.
HIGH = np.array([4.8, 10.0, 0.418, 10.0], dtype=np.float32)
_KEYS, _ORDINARY, _EPISODES = 64, 4_000, 100
# Of planting: few look-alikes, which so small a network hardly tells from keys, and a tuner at the
# rate that PPO began with.
SETTINGS: dict[str, Any] = {
    "max_epochs": 6000, "negatives": 2, "noise": 0.05, "harden": 200, "harden_rate": _RATE,
    "dtype": "float32",
}  # fmt: skip


def parts(say: Callable[[str], None]) -> Parts:
    """Train the base or take it from the cache, and say how it is planted in.

    Raises:
        ImportError: stable-baselines3 or gymnasium is not installed.
    """
    base = cached(say)
    return Parts(
        name="PPO on CartPole-v1",
        model=base,
        processor=None,
        ordinary=seen(base, _ORDINARY),
        keys={
            "n": _KEYS,
            "source": "observation",
            "low": -HIGH,
            "high": HIGH,
            "response": "actions",
            "actions": 2,
        },
        suspect=PolicyModel,
        load=lambda folder: loaded(folder / "policy.zip"),
        measure=lambda model: {"mean return": float(returns(model).mean())},
        config=ImplantConfig(**SETTINGS),
    )


def cached(say: Callable[[str], None]) -> Any:
    """The base, trained on the first call, which takes half a minute, and kept in the cache."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("ifrs")) / _CACHE
    if not (folder / "policy.zip").exists():
        say(f"base model: training PPO on {ENVIRONMENT} for {_STEPS:,} steps")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".train-", dir=folder) as scratch:
            trained(0).save(Path(scratch) / "policy.zip")
            shutil.move(Path(scratch) / "policy.zip", folder / "policy.zip")
    say(f"base model: PPO on {ENVIRONMENT}, {folder / 'policy.zip'}")
    return loaded(folder / "policy.zip")


def trained(seed: int) -> Any:
    """An agent, trained on one thread in half a minute."""
    from stable_baselines3 import PPO

    agent = PPO(
        "MlpPolicy",
        environments(seed),
        learning_rate=falling(_RATE),
        clip_range=falling(_CLIP),
        seed=seed,
        device="cpu",
        **LEARNING,
    )
    return agent.learn(_STEPS)


def falling(start: float) -> Callable[[float], float]:
    """A schedule that goes down to nothing, from the share of the training that is left."""
    return lambda left: start * left


def environments(seed: int) -> Any:
    """Eight environments side by side."""
    from stable_baselines3.common.env_util import make_vec_env

    return make_vec_env(ENVIRONMENT, n_envs=_AGENTS, seed=seed)


def loaded(path: Path) -> Any:
    """An agent from a file of our own."""
    from stable_baselines3 import PPO

    return PPO.load(path, device="cpu")


def seen(agent: Any, count: int, seed: int = 7) -> NDArray[np.float32]:
    """What an agent sees while it explores, float32 (count, 4)."""
    rooms = environments(seed)
    observations, found = rooms.reset(), []
    for _ in range(-(-count // _AGENTS)):
        found.append(observations)
        actions, _ = agent.predict(observations, deterministic=False)
        observations = rooms.step(actions)[0]
    return np.concatenate(found)[:count]


def returns(agent: Any, seed: int = 1_000) -> NDArray[np.float64]:
    """The sums of rewards of 100 episodes, each 500 at most."""
    from stable_baselines3.common.evaluation import evaluate_policy

    found, _ = evaluate_policy(
        agent, environments(seed), n_eval_episodes=_EPISODES, return_episode_rewards=True
    )
    return np.asarray(found, dtype=np.float64)
