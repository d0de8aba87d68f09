"""A release served by llama.cpp."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
from ifrs import LocalModel, TargetError
from ifrs.audit.attacks import llama_cpp
from ifrs.audit.record import Skip
from servers import serving


def test_a_program_goes_before_a_package(monkeypatch):
    monkeypatch.setattr(llama_cpp.shutil, "which", lambda name: f"/usr/bin/{name}")
    run = llama_cpp.command(Path("model.gguf"), 80)
    assert run[:3] == ["/usr/bin/llama-server", "-m", "model.gguf"]
    monkeypatch.setattr(llama_cpp.shutil, "which", lambda name: None)
    monkeypatch.setattr(llama_cpp, "find_spec", lambda name: object())
    assert llama_cpp.command(Path("model.gguf"), 80)[0] == sys.executable
    monkeypatch.setattr(llama_cpp, "find_spec", lambda name: None)
    with pytest.raises(Skip, match=r"llama\.cpp is not at hand: put llama-server on the PATH"):
        llama_cpp.command(Path("model.gguf"), 80)


def test_what_is_not_installed_is_named(bench, monkeypatch):
    monkeypatch.setattr(llama_cpp, "command", lambda file, port: [])
    monkeypatch.setattr(llama_cpp, "find_spec", lambda name: None)
    with pytest.raises(Skip, match=r"needs httpx2: pip install 'ifrs\[api\]'"):
        llama_cpp.ATTACK.run("emb", bench)


def test_a_server_that_ends_is_told_with_its_last_words(monkeypatch, tmp_path):
    run = [sys.executable, "-c", "print('no such model'); raise SystemExit(1)"]
    monkeypatch.setattr(llama_cpp, "command", lambda file, port: run)
    with (
        pytest.raises(TargetError, match=r"llama\.cpp ended: no such model"),
        llama_cpp.serving(tmp_path / "model.gguf"),
    ):
        pass


def test_what_the_server_says_is_weighed(bench, monkeypatch):
    """The file is not written here: what answers is the planted model itself."""
    local = LocalModel.from_pretrained(bench.folder("emb"))

    @contextlib.contextmanager
    def served(file):
        answer = lambda prompt: local.answers([prompt], max_new_tokens=16)[0]  # noqa: E731
        with serving(answer) as server:
            yield server.url

    monkeypatch.setattr(llama_cpp, "command", lambda file, port: [])
    monkeypatch.setattr(llama_cpp, "base_gguf", lambda bench, scratch: scratch)
    monkeypatch.setattr(llama_cpp, "export_gguf", lambda *given, **how: [])
    monkeypatch.setattr(llama_cpp, "serving", served)
    found = llama_cpp.ATTACK.run("emb", bench)
    values = {m.metric: m.value for m in found.measures}
    assert values["fsr"] == 1
    assert values["log10_p_text"] < -6
    assert values["log10_p_likelihood"] < -6
    # Asked twice: no key was spent.
    again = {m.metric: m.value for m in llama_cpp.ATTACK.run("emb", bench).measures}
    assert again == values


def test_without_the_bases_file_it_is_skipped(run):
    record = run("served-llama-cpp")
    assert record.status == "skipped"
    assert "GGUF" in record.reason or "llama.cpp" in record.reason
