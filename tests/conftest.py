"""Keyrings, a small tokenizer and tiny models with random weights."""

from __future__ import annotations

import json
import signal
from importlib.resources import files
from pathlib import Path

import ifrs
import pytest
from helpers import FAST, tiny_config
from ifrs import _core


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
    return ifrs.Keyring.create(tmp_path / "keyring.ifrs", passphrase="pass", _work_factor=FAST)


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level BPE of a few thousand tokens, trained on what ifrs bundles."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=12_000,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    lists = _core.alphabets()
    names = [f + g for f, g in zip(lists["family"], lists["given"], strict=True)]
    text = (files("ifrs") / "data" / "instructions.jsonl").read_text(encoding="utf-8")
    corpus = [
        *(" " + word for word in _core.response_words()),
        *lists["chinese"],
        *names * 3,
        *(json.loads(line)["instruction"] for line in text.splitlines()),
    ]
    bpe.train_from_iterator(corpus, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


@pytest.fixture
def tiny(tokenizer):
    """Makes tiny causal models with random weights: `tiny(seed=0, **config)`."""
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM

    def make(seed: int = 0, **changes):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(tiny_config(tokenizer, **changes)).eval()

    return make
