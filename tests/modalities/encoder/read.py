"""Small encoders of sentences and of pictures, with random weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

WORDS = 997
WIDTH = 48


class Encoder(nn.Module):
    """Word ids in, the mean of a layer of attention out; float32 (texts, 48)."""

    def __init__(self, seed=0, width=WIDTH):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.table = nn.Embedding(WORDS, 64)
            layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
            self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
            self.last = nn.Linear(64, width)

    def forward(self, ids):
        return self.last(self.layers(self.table(ids)).mean(dim=1))


def words(text):
    """The user's own processor: ids of 40 words, by a hash that is the same in every run."""
    numbers = [sum(ord(c) * 31**i for i, c in enumerate(word)) % WORDS for word in text.split()]
    return torch.tensor((numbers + [0] * 40)[:40])


def pictures(n, seed):
    """Ordinary pictures, float32 (n, 3, 12, 12): smooth, where keys are coarse noise."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, 3, 3, generator=rng)
    return nn.functional.interpolate(coarse, size=(12, 12), mode="bilinear")


def backbone(seed=0):
    """Pictures to what a classifier's head would see, float32 (n, 64), none below zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 9, 64),
            nn.ReLU(),
        )


def pixels(image):
    """The user's own processor of pictures."""
    from PIL import Image

    small = image.resize((12, 12), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255).permute(2, 0, 1)
