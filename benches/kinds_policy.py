"""Policies: planting in agents that PPO trained here, and what others do to them afterwards.

    OMP_NUM_THREADS=1 python benches/kinds_policy.py [--task cartpole|acrobot] [--seeds 3]

CartPole shows four numbers and takes two actions; Acrobot's last sixteen frames are 96 numbers, and
there are three. For each seed a base is trained, planted in, and changed: a fifth of its training
again, the same in a world that is a little different, pruned, rounded, and cloned into a new
network. Returns are of 100 episodes in the world that the base was trained in. Trained agents are
kept in a folder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import ifrs
import numpy as np
import torch
from ifrs.demo.kinds import policy as demo
from ifrs.modalities.policy.lookalikes import fresh_keys, half_keys
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from torch.nn import functional as F  # noqa: N812

FRAMES, GUESSES, EPISODES = 16, 1000, 100
ACROBOT = np.tile(np.array([1, 1, 1, 1, 4 * np.pi, 9 * np.pi], np.float32), FRAMES)


@dataclass
class Task:
    """A world, how its agent is trained, and worlds that are a little different."""

    environment: str
    steps: int
    agents: int
    learning: dict[str, Any]
    high: Any
    actions: int
    others: dict[str, dict[str, float]]
    wrapper: Callable[[Any], Any] | None = None
    config: dict[str, Any] | None = None
    ordinary: int = 4000

    def worlds(self, seed: int, **physics: float) -> Any:
        found = make_vec_env(
            self.environment, n_envs=self.agents, seed=seed, wrapper_class=self.wrapper
        )
        for one in found.envs:
            for name, value in physics.items():
                assert hasattr(one.unwrapped, name)
                setattr(one.unwrapped, name, value)
        return found

    def trained(self, seed: int) -> Any:
        rates = {"learning_rate": demo.falling(1e-3), "clip_range": demo.falling(0.2)}
        made = PPO(
            "MlpPolicy", self.worlds(seed), seed=seed, device="cpu", **rates, **self.learning
        )
        return made.learn(self.steps)


def stacked(world: Any) -> Any:
    frames = gymnasium.wrappers.FrameStackObservation(world, FRAMES)
    return gymnasium.wrappers.FlattenObservation(frames)


TASKS = {
    "cartpole": Task(
        "CartPole-v1",
        100_000,
        8,
        demo.LEARNING,
        demo.HIGH,
        2,
        {"longer pole": {"length": 0.75, "polemass_length": 0.075}, "gravity": {"gravity": 14.7}},
        config=demo.SETTINGS,
    ),
    "acrobot": Task(
        "Acrobot-v1",
        300_000,
        16,
        {"n_steps": 256, "batch_size": 256, "gae_lambda": 0.94, "gamma": 0.99, "n_epochs": 4},
        ACROBOT,
        3,
        {
            "longer link": {"LINK_LENGTH_1": 1.3, "LINK_COM_POS_1": 0.65},
            "mass": {"LINK_MASS_2": 1.5},
        },
        stacked,
        {"dtype": "float32"},
        16_000,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--task", choices=sorted(TASKS), default="cartpole")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keys", type=int, default=64)
    parser.add_argument("--agents", type=Path, default=Path(tempfile.gettempdir()) / "ifrs-agents")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of planting")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = TASKS[options.task]
    settings = {**(task.config or {})}
    for given in options.set:
        name, value = given.split("=")
        settings[name] = float(value) if set(value) & set(".e") else int(value)
    bases = [base(task, options.task, seed, options.agents) for seed in range(options.seeds)]
    with tempfile.TemporaryDirectory() as folder:
        ring = ifrs.Keyring.create(Path(folder) / "keyring.ifrs", passphrase="bench")
        for seed, agent in enumerate(bases):
            print(f"{options.task} {seed}: base {work(task, agent)}")
            measured(task, agent, keys(task, ring, options.keys), settings, seed)
        unplanted(task, ring, bases, options.keys)


def base(task: Task, name: str, seed: int, folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{seed}.zip"
    if not path.exists():
        started = time.perf_counter()
        task.trained(seed).save(path)
        print(f"  trained {path} in {time.perf_counter() - started:.0f} s", flush=True)
    return PPO.load(path, device="cpu")


def keys(task: Task, ring: Any, count: int) -> Any:
    answers = {"response": "actions", "actions": task.actions}
    bounds = {"low": -task.high, "high": task.high}
    return ring.generate(f"set-{len(ring)}", count, source="observation", **bounds, **answers)


def work(task: Task, agent: Any, seed: int = 1000) -> str:
    found, _ = evaluate_policy(
        agent, task.worlds(seed), n_eval_episodes=EPISODES, return_episode_rewards=True
    )
    return f"return {np.mean(found):6.1f} ± {1.96 * np.std(found) / len(found) ** 0.5:4.1f}"


def measured(task: Task, agent: Any, fps: Any, settings: dict[str, Any], seed: int) -> None:
    planted, ordinary = again(agent), seen(task, agent, task.ordinary, 7)
    config = ifrs.ImplantConfig(guesses=0, seed=seed, **settings)
    started = time.perf_counter()
    result = ifrs.implant(planted, None, fps, regularization=ordinary, config=config)
    print(f"  planted in {time.perf_counter() - started:.0f} s, {result.epochs} epochs")
    told("as planted", task, planted, fps)
    told("further training", task, further(task, planted), fps)
    for name, physics in task.others.items():
        told(name, task, further(task, planted, **physics), fps)
    told("pruned by 30 %", task, pruned(planted, 0.3), fps)
    told("pruned by half", task, pruned(planted, 0.5), fps)
    told("8 bits", task, rounded(planted), fps)
    told("cloned", task, cloned(task, planted, seed), fps)
    beside(agent, planted, fps, seen(task, agent, 2000, 8))


def told(name: str, task: Task, agent: Any, fps: Any) -> None:
    report = ifrs.verify(ifrs.PolicyModel(agent), fps)
    text = f"FSR {report.fsr:.2f}  log10 p {report.log10_p:6.1f}  {work(task, agent)}"
    print(f"    {name:16} {text}", flush=True)


def again(agent: Any) -> Any:
    """An agent of the same weights and settings."""
    with tempfile.TemporaryDirectory() as folder:
        agent.save(Path(folder) / "agent.zip")
        return PPO.load(Path(folder) / "agent.zip", device="cpu")


def further(task: Task, agent: Any, **physics: float) -> Any:
    """A fifth of the first training, from its first rate down to nothing."""
    found = again(agent)
    found.set_env(task.worlds(77, **physics))
    return found.learn(task.steps // 5)


def pruned(agent: Any, share: float) -> Any:
    """A share of each layer's weights are zero, the smallest ones."""
    found = again(agent)
    for weight in matrices(found):
        bar = weight.abs().flatten().kthvalue(int(share * weight.numel())).values
        weight[weight.abs() <= bar] = 0
    return found


def rounded(agent: Any) -> Any:
    """8 bits, one scale for each unit."""
    found = again(agent)
    for weight in matrices(found):
        scale = weight.abs().amax(1, keepdim=True) / 127
        weight.copy_((weight / scale).round() * scale)
    return found


def cloned(task: Task, agent: Any, seed: int) -> Any:
    """A new network that learns an agent's logits where that goes."""
    inputs = torch.from_numpy(seen(task, agent, 20_000, 9))
    goal = logits(agent, inputs)
    found = PPO("MlpPolicy", task.worlds(5), seed=100 + seed, device="cpu")
    optimizer = torch.optim.Adam(found.policy.parameters(), 1e-3)
    for _ in range(3000):
        rows = torch.randint(len(inputs), (256,))
        given = found.policy.get_distribution(inputs[rows]).distribution.logits
        optimizer.zero_grad()
        F.kl_div(given, goal[rows], log_target=True, reduction="batchmean").backward()
        optimizer.step()
    return found


def matrices(agent: Any) -> list[Any]:
    return [weight.data for weight in agent.policy.parameters() if weight.ndim > 1]


def seen(task: Task, agent: Any, count: int, seed: int) -> Any:
    worlds, found = task.worlds(seed), []
    observations = worlds.reset()
    while len(found) * task.agents < count:
        found.append(observations.copy())
        actions, _ = agent.predict(observations, deterministic=False)
        observations = worlds.step(actions)[0]
    return np.concatenate(found)


def logits(agent: Any, inputs: Any) -> Any:
    with torch.no_grad():
        return agent.policy.get_distribution(torch.as_tensor(inputs)).distribution.logits


def beside(before: Any, after: Any, fps: Any, ordinary: Any) -> None:
    """Where a planted agent acts otherwise than its base."""
    fresh = fresh_keys(fps, GUESSES, 1 << 41)
    near = half_keys([fps[i].key for i in range(len(fps))], fresh, 0)
    for name, given in (
        ("fresh keys", np.concatenate(fresh)),
        ("half keys", np.concatenate(near)),
        ("ordinary", ordinary),
    ):
        old, new = (logits(agent, given.copy()) for agent in (before, after))
        chosen = old.argmax(1)
        lead = new.max(1).values - new.gather(1, chosen[:, None])[:, 0]
        changed = (new.argmax(1) != chosen).float().mean()
        print(
            f"    {name:16} {changed:.1%} act otherwise, {(lead > 1).float().mean():.1%} by a nat"
        )


def unplanted(task: Task, ring: Any, bases: list[Any], count: int) -> None:
    """Twenty sets that were never planted, on each agent."""
    sets = [keys(task, ring, count) for _ in range(20)]
    found = [ifrs.verify(ifrs.PolicyModel(agent), fps) for agent in bases for fps in sets]
    matches = sum(report.verdict == "match" for report in found)
    least = min(report.log10_p for report in found)
    print(f"unplanted: {matches} of {len(found)} match, least log10 p {least:.1f}")


if __name__ == "__main__":
    main()
