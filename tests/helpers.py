"""What tests share that is no fixture."""

from __future__ import annotations

import itertools

import ifrs

# Scrypt at its lowest work factor: tests make hundreds of keyrings.
FAST = 2


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


def secrets_of(fps: ifrs.FingerprintSet) -> list[str]:
    """Every secret text of a set."""
    return list(itertools.chain(*((fps[i].key, fps[i].response) for i in range(len(fps)))))
