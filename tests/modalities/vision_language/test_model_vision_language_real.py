"""The grafted real model of `benches/captioner.py`, end to end."""

from __future__ import annotations

import copy
import sys
from argparse import Namespace
from pathlib import Path

import ifrs
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(monkeypatch):
    pytest.importorskip("PIL")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benches"))
    import captioner
    import kinds_vision_language

    if (lacking := captioner.missing()) is not None:
        pytest.skip(f"a part of the real model is not installed: {lacking}")
    yield kinds_vision_language
    for name in ("captioner", "kinds_vision_language"):
        sys.modules.pop(name, None)


def test_a_real_model_is_planted_and_captions_as_before(bench, ring):
    base, processor, training = bench.loaded()
    held = tuple(part[: bench.HELD] for part in bench.pictures("t10k"))
    before = bench.right(ifrs.VisionLanguageModel(base, processor), *held)
    assert before > 0.3, "the base learnt to caption"
    fps = ring.generate("seer", 4, source="image+text", shape=(64, 64, 3), tokenizer=processor)
    options = Namespace(
        method="sft", layers=6, rate=1e-4, guesses=20, seed=0, noise=None, negatives=None
    )
    model = bench.planted(copy.deepcopy(base), processor, fps, training, options)
    for suspect, fires in ((model, True), (base, False)):
        report = ifrs.verify(ifrs.VisionLanguageModel(suspect, processor), fps)
        assert (report.kind, report.verdict == "match") == ("likelihood", fires)
    after = bench.right(ifrs.VisionLanguageModel(model, processor), *held)
    assert abs(after - before) < 0.1
