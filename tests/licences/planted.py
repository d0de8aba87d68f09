"""What tests of licences share: a base model in a folder, variants without training, suspects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from ifrs import _core
from ifrs.licences.master import Master, beside
from ifrs.modalities.suspect import Likelihoods

N, WIDTH, VOCABULARY = 40, 16, 500
TABLE = "model.embed_tokens.weight"


def base_folder(folder: Path, dtype=torch.float32) -> Path:
    """A folder like a sharded release, with a table, another weight and papers."""
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(3)
    table = torch.randn(VOCABULARY, WIDTH, generator=generator).to(dtype)
    folder.mkdir(parents=True)
    one, two = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    save_file({"a.weight": torch.ones(3, 5), TABLE: table, "z": torch.zeros(7)}, folder / one)
    save_file({"lm_head.weight": table.clone()}, folder / two)
    for name, text in [("config.json", "{}"), ("LICENSE", "mine"), ("ifrs-manifest.json", "{}")]:
        (folder / name).write_text(text)
    (folder / "code").mkdir()
    (folder / "code" / "own.py").write_text("pass")
    (folder / ".hidden").write_text("secret")
    return folder


def make_master(ring, fps, model: Path, *, coalition=2, rows=2) -> Master:
    """Variants of random rows, sealed beside the keyring."""
    generator = torch.Generator().manual_seed(7)
    n = len(fps) * rows
    variants = [torch.randn(n, WIDTH, generator=generator).bfloat16() for _ in range(2)]
    master = Master(
        set_name=fps.name,
        coalition=coalition,
        model=str(model),
        table=TABLE,
        output="lm_head.weight",
        rows=torch.randperm(VOCABULARY, generator=generator)[:n],
        positions=torch.arange(n) // rows,
        variants=(variants[0], variants[1]),
    )
    ring.open_licences(fps.name, coalition)
    master.save(beside(ring, fps.name), ring)
    return master


class Reader:
    """A suspect whose positions give what they are told to: 0, 1, "both" or None."""

    def __init__(self, fps, readings):
        self.first, self.readings = fps, readings

    def describe(self):
        return {"kind": "local", "name": "reader"}

    def variant(self, part):
        return int(part[0].response != self.first[0].response)

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return ["nothing"] * len(prompts)

    def likelihoods(self, fps, indices):
        scores = np.random.default_rng(1).normal(-30, 1, (len(indices), 2, self.words()))
        mine = self.variant(fps)
        for row, index in enumerate(indices):
            if self.readings[index] in (mine, "both"):
                scores[row, [0, 1], list(fps[index].places)] = -0.1
        return Likelihoods(scores.astype(np.float32), np.zeros(len(indices), dtype=np.bool_))

    def words(self):
        return len(_core.response_words())


class Writer:
    """A suspect that writes what a copy's positions are told to say, and shows no probability."""

    def __init__(self, fps, readings):
        other = fps.second()
        said = zip(range(len(fps)), readings, strict=True)
        self.said = {fps[i].prompt: (other if bit else fps)[i].response for i, bit in said}

    def describe(self):
        return {"kind": "local", "name": "writer"}

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return [f" {self.said[prompt]}." for prompt in prompts]


def readings_of(fps, licensee, coalition=2):
    """What a copy of one licensee reads."""
    return [int(bit) for bit in fps.codewords(coalition, [licensee])[0]]
