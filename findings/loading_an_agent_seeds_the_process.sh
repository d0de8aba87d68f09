#!/usr/bin/env bash
# stable-baselines3 2.9.2: loading an agent seeds the random numbers of the whole process.
#
# An agent made with `seed=` keeps the seed in its file. `PPO.load(FILE)`, without an environment and only to
# predict, sets Python's `random`, NumPy's and torch's global generators to that seed. Its docs say that load
# makes the model from scratch, not that it touches anything outside it. What the caller draws afterwards is the
# same after every load, whatever was drawn or seeded before, and the file says what it is. Whoever loads
# an agent in a loop, as in comparing or checking many, then takes the "random" episodes, noise or test inputs
# again and again; a run that set its own seed first goes on with another. An agent without a seed
# changes nothing. ifrs draws its secrets from the system's generator, in Rust, which no seed reaches.
#
# Seen: generators seeded from the system, an agent of seed 7 loaded, three numbers drawn; and once more. The
# numbers are equal, and those of `random.seed(7)` and its like. With an agent without a seed they differ.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  stable-baselines3==2.9.2 gymnasium==1.4.0 torch==2.15.0 numpy 2>> "$work/log"

cat > tried.py <<'END'
import random
import sys
from importlib.metadata import version

import numpy as np
import torch
from stable_baselines3 import DQN, PPO

print(*(f"{name} {version(name)}" for name in ("stable-baselines3", "gymnasium", "torch")))


def drawn():
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def after_loading(kind, file):
    random.seed()
    np.random.seed()
    torch.seed()
    kind.load(file, device="cpu")
    return drawn()


random.seed(7)
np.random.seed(7)
torch.manual_seed(7)
by_seed = drawn()
small = {PPO: {"n_steps": 16, "batch_size": 16}, DQN: {"buffer_size": 100}}
good = True
for kind, settings in small.items():
    for seed in (7, None):
        made = kind("MlpPolicy", "CartPole-v1", seed=seed, device="cpu", **settings)
        made.save("agent.zip")
        one, other = after_loading(kind, "agent.zip"), after_loading(kind, "agent.zip")
        same = [one[place] == other[place] for place in range(3)]
        what = f"{kind.__name__}, seed {seed}: drawn after each of two loads:"
        print(what, *("%.6f and %.6f" % pair for pair in zip(one, other)), sep="\n  ")
        good = good and same == [seed is not None] * 3
        # PPO draws from torch after the seed is set, to make its weights anew.
        good = good and (one[:2] == by_seed[:2]) == (seed is not None)
sys.exit(0 if good else "stable-baselines3 does otherwise")
END
venv/bin/python tried.py 2>> "$work/log"
