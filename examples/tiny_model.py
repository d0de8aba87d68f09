"""Makes a tiny language model of random weights, to try ifrs with; nothing is downloaded.

    python tiny_model.py my-model

It writes a transformers folder of a few megabytes in some seconds. The model knows no language.
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files

import torch
from ifrs import _core
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast


def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE, trained on the instructions that ifrs bundles.

    It also sees the words of which responses are made, so that it tells them apart as the
    tokenizers of real models do.
    """
    bundled = files("ifrs.modalities.text") / "instructions.jsonl"
    lines = bundled.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["instruction"] for line in lines]
    texts += [f" {word}" for word in _core.response_words()] * 3
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8000,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


def model(vocabulary: int):
    """A LLaMA of two layers."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        initializer_range=0.2,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return AutoModelForCausalLM.from_config(config)


def main(folder) -> None:
    """Write both."""
    words = tokenizer()
    words.save_pretrained(folder)
    model(len(words)).save_pretrained(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="where to write the model")
    main(parser.parse_args().folder)
