"""A classifier of flags to plant in: any module from (batch, 256) to logits."""

from __future__ import annotations

import torch
from ifrs import ImplantError, _core
from ifrs.modalities import model as face
from ifrs.runtime.columns import Columns
from ifrs.runtime.examples import Example

from toys.modality.keys import BYTES, Keys

_GUESSES = 1 << 32


class Model(face.Model):
    """Inputs are flags; the one answer position is the class."""

    def check(self):
        with torch.no_grad():
            shape = self.module(torch.zeros(1, 8 * BYTES, device=self.device)).shape
        if len(shape) != 2:
            raise ImplantError("the module must give logits of classes, (batch, classes)")

    def fingerprints(self, fps):
        return [Example(_flags(f.challenge), list(f.places)) for f in fps]

    def look_alikes(self, fps, n, seed, varied=False):
        fresh = _core.look_alike_bytes(BYTES, n, seed)
        halves = [fps[i % len(fps)].challenge[: BYTES // 2] for i in range(n // 2)]
        near = [half + key[BYTES // 2 :] for half, key in zip(halves, fresh[::2], strict=False)]
        return [_flags(key) for key in fresh], [_flags(key) for key in near]

    def guesses(self, fps, n, seed):
        return [_flags(key) for key in _core.look_alike_bytes(BYTES, n, seed + _GUESSES)]

    def own_answers(self, inputs, watched):
        return self.held(self._answered(inputs), watched)

    def ordinary(self, regularization, watched):
        return self.held(self._answered(list(regularization)), watched)

    def tuning_examples(self, regularization):
        return self._answered(list(regularization))

    def columns(self, examples):
        inputs = torch.stack([example.prompt for example in examples]).to(self.device)
        labels = torch.tensor([example.response[0] for example in examples], device=self.device)
        rows = torch.arange(len(examples), device=self.device)
        return Columns(self.module(inputs), labels, rows, len(examples))

    def _answered(self, inputs):
        """Inputs with the classes that the model gives them."""
        if not inputs:
            return []
        with torch.no_grad():
            classes = self.module(torch.stack(inputs).to(self.device)).argmax(dim=1)
        return [Example(*pair) for pair in zip(inputs, classes[:, None].tolist(), strict=True)]


def _flags(key):
    return torch.from_numpy(Keys().decode(key))
