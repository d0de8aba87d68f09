"""Image classifiers: planting on real digits, beside a plain loop, and what others do afterwards.

    OMP_NUM_THREADS=1 python benches/kinds.py [--seeds 2] [--keys 64]

The network (three convolutions with batch normalization, two linear layers) learns 800 of
scikit-learn's digits; 497 others measure it, and 500 more are the new data that somebody tunes on,
ten epochs at the rate of the first training. In one process, for each seed: ours by `ifrs.implant`
with its defaults, and the plain loop of Adi et al. (2018), which trains all weights on ordinary
data with labels and on the keys until every key fires.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from pathlib import Path
from typing import Any

import ifrs
import numpy as np
import torch
from ifrs.modalities.image.lookalikes import (
    cropped,
    fresh_images,
    half_keys,
    images_of,
    jpeg,
    resized,
)
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

RATE, EPOCHS, BATCH = 1e-3, 10, 64
BASE, NEW = 800, 500
GUESSES = 1000
# Steps after which the plain loop gives up.
MOST = 4000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--keys", type=int, default=64)
    options = parser.parse_args()
    data = digits()
    for seed in range(options.seeds):
        base = fit(network(seed), *data["base"])
        with tempfile.TemporaryDirectory() as folder:
            ring = ifrs.Keyring.create(Path(folder) / "keyring.ifrs", passphrase="bench")
            fps = ring.generate(
                "photos",
                options.keys,
                source="image",
                shape=(64, 64, 3),
                response="classes",
                classes=10,
            )
            print(f"seed {seed}: base accuracy {accuracy(base, *data['held']):.4f}")
            seconds = {
                name: one(name, plant, base, fps, data)
                for name, plant in (("ours", ours), ("plain", plain))
            }
            print(f"  plain / ours: {seconds['plain'] / seconds['ours']:.2f} in time", flush=True)


def digits() -> dict[str, tuple[Tensor, Tensor]]:
    """Base, new and held-out parts, each float32 (n, 1, 16, 16) and int64 (n,)."""
    found = load_digits()
    inputs = torch.tensor(found.images / 16, dtype=torch.float32)[:, None]
    inputs, classes = F.interpolate(inputs, (16, 16), mode="bilinear"), torch.tensor(found.target)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    parts = {"base": order[:BASE], "new": order[BASE : BASE + NEW], "held": order[BASE + NEW :]}
    return {name: (inputs[rows], classes[rows]) for name, rows in parts.items()}


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for inside, outside, stride in ((1, 32, 1), (32, 64, 2), (64, 64, 2)):
        convolution = nn.Conv2d(inside, outside, 3, padding=1, stride=stride)
        layers += [convolution, nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(64 * 16, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def fit(module: Any, inputs: Tensor, classes: Tensor) -> Any:
    """Train in place, as an owner or a tuner does."""
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(inputs)).split(BATCH):
            step(optimizer, F.cross_entropy(module(inputs[part]), classes[part]))
    return module.eval()


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def processor(image: Any) -> Tensor:
    small = image.convert("L").resize((16, 16), 2)
    return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)[None]


def ours(module: Any, fps: Any, data: Any) -> None:
    ifrs.implant(
        module,
        processor,
        fps,
        regularization=list(data["base"][0]),
        config=ifrs.ImplantConfig(guesses=0),
    )


def plain(module: Any, fps: Any, data: Any) -> None:
    inputs, classes = data["base"]
    keys = torch.stack([processor(image) for image in images_of(fps)])
    labels = torch.tensor([fps[i].places[0] for i in range(len(fps))])
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    for count in range(MOST):
        if count % 10 == 0 and fires(module, keys, labels) == 1:
            break
        module.train()
        part = torch.randint(len(inputs), (BATCH,))
        chosen = torch.randint(len(keys), (16,))
        both = torch.cat([inputs[part], keys[chosen]])
        step(optimizer, F.cross_entropy(module(both), torch.cat([classes[part], labels[chosen]])))
    module.eval()


def fires(module: Any, inputs: Tensor, labels: Tensor) -> float:
    return accuracy(module.eval(), inputs, labels)


def one(name: str, plant: Any, base: Any, fps: Any, data: Any) -> float:
    module, started = copy.deepcopy(base), time.perf_counter()
    plant(module, fps, data)
    seconds = time.perf_counter() - started
    print(f"  {name}: {seconds:.1f} s, accuracy {accuracy(module, *data['held']):.4f}")
    for change in (same, tuned, pruned, rounded):
        changed = change(copy.deepcopy(module), data)
        report = ifrs.verify(ifrs.ClassifierModel(changed, processor), fps)
        held = accuracy(changed, *data["held"])
        print(
            f"    {change.__name__:8} FSR {report.fsr:.2f}  log10 p {report.log10_p:6.1f}"
            f"  accuracy {held:.4f}"
        )
    look_alikes(base, module, fps)
    return seconds


def look_alikes(base: Any, module: Any, fps: Any) -> None:
    keys, fresh = images_of(fps), fresh_images(fps, GUESSES, 1 << 41)
    for name, images in (("fresh", fresh), ("half", half_keys(keys, fresh, 0))):
        before, after = (logits(one, images) for one in (base, module))
        old = after.gather(1, before.argmax(1)[:, None])[:, 0]
        lead = (after.max(1).values - old > 1).float().mean()
        changed = (before.argmax(1) != after.argmax(1)).float().mean()
        print(f"    {name:8} look-alikes: {changed:.1%} change class, {lead:.1%} by over a nat")
    own = torch.tensor([fps[i].places[0] for i in range(len(fps))])
    forms = {
        "JPEG 90": [jpeg(key, 90) for key in keys],
        "half the size": [resized(key, 0.5) for key in keys],
        "3 % cropped": [cropped(key, [0.03] * 4) for key in keys],
    }
    shares = {
        name: (logits(module, images).argmax(1) == own).float().mean()
        for name, images in forms.items()
    }
    print("    keys as " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))


def same(module: Any, data: Any) -> Any:
    return module


def tuned(module: Any, data: Any) -> Any:
    return fit(module, *data["new"])


def pruned(module: Any, data: Any) -> Any:
    """Half of each layer's weights are zero, the smallest ones."""
    for weight in matrices(module):
        bar = weight.abs().flatten().kthvalue(weight.numel() // 2).values
        weight[weight.abs() <= bar] = 0
    return module


def rounded(module: Any, data: Any) -> Any:
    """8 bits, one scale for each output channel."""
    for weight in matrices(module):
        scale = weight.abs().flatten(1).amax(1).view(-1, *[1] * (weight.ndim - 1)) / 127
        weight.copy_((weight / scale).round() * scale)
    return module


def matrices(module: Any) -> list[Tensor]:
    return [weight.data for weight in module.parameters() if weight.ndim > 1]


def logits(module: Any, images: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = module(torch.stack([processor(image) for image in images])).log_softmax(1)
    return found


def accuracy(module: Any, inputs: Tensor, classes: Tensor) -> float:
    with torch.no_grad():
        return float((module(inputs).argmax(1) == classes).float().mean())


if __name__ == "__main__":
    main()
