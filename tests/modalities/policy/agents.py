"""Small agents that learnt something, and what they see: no environment needed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

WIDTH, ACTIONS = 12, 3
# Ordinary observations lie within a tenth of this.
BOUND = 4.0
KEYS = {
    "source": "observation",
    "low": -BOUND,
    "high": BOUND,
    "shape": (WIDTH,),
    "response": "actions",
    "actions": ACTIONS,
}


def seen(n, seed):
    """Ordinary observations, float32 (n, 12)."""
    return np.random.default_rng(seed).normal(0, 0.2, (n, WIDTH)).astype(np.float32)


def right(observations):
    """What there is to do, int64 (n,)."""
    return torch.from_numpy(observations[:, :ACTIONS].argmax(axis=1))


class Actor(nn.Module):
    """Observations to logits of actions."""

    def __init__(self, outputs=ACTIONS):
        super().__init__()
        layers = [nn.Linear(WIDTH, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh()]
        self.layers = nn.Sequential(*layers, nn.Linear(64, outputs))

    def forward(self, observations):
        return self.layers(observations)


class Remembering(nn.Module):
    """The same with a state that goes from step to step."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(WIDTH, 48), nn.Linear(48, ACTIONS)

    def forward(self, observations, state=None):
        state = self.cell(observations, state)
        return self.head(state), state


class Steering(nn.Module):
    """Observations to two continuous actions."""

    action_space = SimpleNamespace(low=np.array([-2.0, -1.0]), high=np.array([2.0, 1.0]))

    def __init__(self):
        super().__init__()
        self.inner = Actor(2)

    def forward(self, observations):
        return self.inner(observations)


def fit(module, of, steps=120):
    """A module, trained so that `of` its outputs and the observations is small."""
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    for step in range(steps):
        observations = seen(128, 100 + step)
        optimizer.zero_grad()
        of(module, observations).backward()
        optimizer.step()
    return module


def made(kind, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind()


def by_actions(module, observations):
    found = module(torch.from_numpy(observations))
    logits = found[0] if isinstance(found, tuple) else found
    return F.cross_entropy(logits, right(observations))


def by_means(module, observations):
    given = torch.from_numpy(observations)
    return F.mse_loss(module(given), given[:, :2])
