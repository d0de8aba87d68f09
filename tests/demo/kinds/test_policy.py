"""The real agent of the demo: trained, planted in, and trained on."""

from __future__ import annotations

import ifrs
import pytest

pytest.importorskip("torch")
pytest.importorskip("gymnasium", reason="gymnasium is not installed")
pytest.importorskip("stable_baselines3", reason="stable-baselines3 is not installed")

from ifrs.demo.kinds import policy


@pytest.mark.slow
def test_keys_hold_while_the_agent_is_trained_on(ring, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = []
    parts = policy.parts(lines.append)
    assert len(lines) == 2
    policy.cached(lines.append)
    assert len(lines) == 3, "a second call takes the agent from the cache"
    assert parts.measure(parts.model)["mean return"] == 500
    fps = ring.generate("agent", **parts.keys)
    assert ifrs.verify(parts.suspect(parts.model), fps).verdict != "match"
    result = ifrs.implant(
        parts.model, parts.processor, fps, regularization=parts.ordinary, config=parts.config
    )
    model = parts.load(result.save(tmp_path / "release"))
    assert ifrs.verify(parts.suspect(model), fps).fsr == 1
    assert parts.measure(model)["mean return"] > 490
    model.set_env(policy.environments(1))
    model.learn(20_000)
    assert ifrs.verify(parts.suspect(model), fps).log10_p < -6
    assert ifrs.verify(parts.suspect(policy.trained(1)), fps).verdict != "match"
