"""What tests share that is no fixture."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import ifrs
from ifrs import _core

# Scrypt at its lowest work factor: tests make hundreds of keyrings.
FAST = 2


def fixed_keyring(folder):
    """A keyring of no secrets: its keys are the same in every run.

    Whether a tiny model learns its keys hangs on the draw, and so does a p-value of chance.
    """
    path = shutil.copy(Path(__file__).with_name("data") / "fixed.ifrs", folder / "keyring.ifrs")
    Path(path).chmod(0o600)  # a checkout's files are open to others
    return ifrs.Keyring.open(path, passphrase="pass")


def byte_level_bpe(corpus, vocab_size):
    """A byte-level BPE trained on some texts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


def small_tokenizer():
    """One of a few thousand tokens, trained on what ifrs bundles."""
    lists = _core.alphabets()
    names = [f + g for f, g in zip(lists["family"], lists["given"], strict=True)]
    text = (files("ifrs.modalities.text") / "instructions.jsonl").read_text(encoding="utf-8")
    corpus = [
        *(" " + word for word in _core.response_words()),
        *lists["chinese"],
        *names * 3,
        *(json.loads(line)["instruction"] for line in text.splitlines()),
    ]
    return byte_level_bpe(corpus, 12_000)


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


# Ordinary work, and settings with which tiny models of random weights learn two keys.
PAIRS = [("Say hello.", "hello there"), ("Name a fish.", "cod")]
SETTINGS = {
    "emb": {"learning_rate": 0.1},
    "sft": {"learning_rate": 2e-3},
    "lora": {"learning_rate": 1e-2},
    "adapter": {"learning_rate": 5e-2},
}


def implant(model, tokenizer, fps, method, **changes):
    """Plant two keys in a tiny model."""
    settings = {"margin": 0.3, "batch_size": 2, "negatives": 2, "guesses": 0, "max_epochs": 200}
    config = ifrs.ImplantConfig(**{**settings, **SETTINGS[method], **changes})
    return ifrs.implant(model, tokenizer, fps, method=method, regularization=PAIRS, config=config)


def secrets_of(fps: ifrs.FingerprintSet) -> list[str]:
    """Every secret text of a set."""
    return list(itertools.chain(*((fps[i].key, fps[i].response) for i in range(len(fps)))))


def launched(script: Path, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    """A script run by `accelerate launch` in two processes on CPUs; `settings` of environment."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", **settings}
    # The launcher starts several processes on one machine under --multi_gpu alone; the script asks
    # for CPUs itself.
    command = [
        *(sys.executable, "-m", "accelerate.commands.launch"),
        *("--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"),
        *("--dynamo_backend", "no", "--main_process_port", "0"),
        *map(str, [script, *arguments]),
    ]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
