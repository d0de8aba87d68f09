"""Classifiers of flags as suspects: one whose scores are seen, and one that gives labels."""

from __future__ import annotations

import numpy as np
import torch


class Scored:
    """A module at hand."""

    spends_keys = False

    def __init__(self, module):
        self.module = module

    def describe(self):
        return {"kind": "local", "name": "classifier"}

    def scores(self, keys):
        with torch.no_grad():
            return self.module(torch.from_numpy(np.stack(keys))).numpy()


class Labelled(Scored):
    """The same behind somebody who shows labels alone."""

    scores = None

    def labels(self, keys):
        with torch.no_grad():
            return self.module(torch.from_numpy(np.stack(keys))).argmax(dim=1).numpy()
