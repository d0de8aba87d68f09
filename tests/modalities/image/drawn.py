"""Pictures of ten sorts to classify, drawn at random, and small networks that learnt them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

SIZE = 12


def pictures(n, seed):
    """Each sort has a pattern of its own, moved and noisy; float32 (n, 3, 12, 12), int64 (n,)."""
    rng = torch.Generator().manual_seed(seed)
    patterns = torch.rand(10, 3, 4, 4, generator=torch.Generator().manual_seed(99))
    patterns = F.interpolate(patterns, size=(SIZE, SIZE), mode="nearest")
    classes = torch.randint(10, (n,), generator=rng)
    noise = 0.15 * torch.randn(n, 3, SIZE, SIZE, generator=rng)
    return (patterns[classes] + noise).clamp(0, 1), classes


def network(seed=0):
    """Convolutions with batch normalization and dropout, untrained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, stride=2),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1, stride=2),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(32 * 9, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )


def fit(module, inputs, classes, epochs, rate=2e-3, seed=0):
    """Training as its owner does it; the module, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module.train()
        optimizer = torch.optim.Adam(module.parameters(), lr=rate)
        for _ in range(epochs):
            for part in torch.randperm(len(inputs)).split(64):
                F.cross_entropy(module(inputs[part]), classes[part]).backward()
                optimizer.step()
                optimizer.zero_grad()
    return module.eval()


def accuracy(module, inputs, classes):
    with torch.no_grad():
        return float((module(inputs).argmax(dim=1) == classes).float().mean())


def processor(image):
    """The user's own: another size, and values around zero."""
    from PIL import Image

    pixels = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR), dtype=np.float32)
    return torch.from_numpy(pixels / 255).permute(2, 0, 1)
