"""Keyrings, a small tokenizer and tiny models with random weights."""

from __future__ import annotations

import signal
from pathlib import Path

import ifrs
import pytest
from helpers import fixed_keyring, small_tokenizer, tiny_config


def pytest_configure() -> None:
    """Take Ctrl-C also where a shell started the tests in the background, without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def state(tmp_path_factory, monkeypatch) -> Path:
    """A state folder of its own for each test: generations seen elsewhere do not count."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("IFRS_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def ring(tmp_path: Path) -> ifrs.Keyring:
    return fixed_keyring(tmp_path)


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level BPE of a few thousand tokens."""
    pytest.importorskip("transformers")
    return small_tokenizer()


@pytest.fixture
def tiny(tokenizer):
    """Makes tiny causal models with random weights: `tiny(seed=0, **config)`."""
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM

    def make(seed: int = 0, **changes):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(tiny_config(tokenizer, **changes)).eval()

    return make
