"""Keyrings, a small tokenizer and tiny models with random weights."""

from __future__ import annotations

import itertools
import json
from importlib.resources import files
from pathlib import Path

import ifrs
import pytest
from ifrs import _core

# Scrypt at its lowest work factor: tests make hundreds of keyrings.
FAST = 2


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


def tiny_config(tokenizer, **changes):
    from transformers import LlamaConfig

    settings = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.1,
        "tie_word_embeddings": True,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return LlamaConfig(**{**settings, **changes})


@pytest.fixture
def tiny(tokenizer):
    """Makes tiny causal models with random weights: `tiny(seed=0, **config)`."""
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM

    def make(seed: int = 0, **changes):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(tiny_config(tokenizer, **changes)).eval()

    return make


def secrets_of(fps: ifrs.FingerprintSet) -> list[str]:
    """Every secret text of a set."""
    return list(itertools.chain(*((fps[i].key, fps[i].response) for i in range(len(fps)))))
