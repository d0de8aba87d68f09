"""A tiny language model that walks from word to word: each of 200 words has five that may follow.

Its answers are plain words, and the walk that it takes greedily says much of what it prefers.
Models of random weights write too little that is a word, or the same few words for ever.
"""

from __future__ import annotations

import random

from helpers import tiny_config
from ifrs import _core

WORDS, NEXT, LENGTH = 200, 5, 28
STEPS, BATCH, RATE = 120, 12, 6e-3


def walker(tokenizer, questions, seed=0):
    """A model that answers each question with a walk from a word of its own."""
    import torch
    from transformers import AutoModelForCausalLM

    rng = random.Random(seed)
    words = rng.sample(_core.response_words(), WORDS)
    follow = {word: rng.sample(words, NEXT) for word in words}
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(tiny_config(tokenizer, initializer_range=0.05))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    for _ in range(STEPS):
        texts = [_walk(question, words, follow, rng) for question in rng.sample(questions, BATCH)]
        batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        loss = model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def _walk(question, words, follow, rng):
    word, said = random.Random(question).choice(words), []
    for _ in range(LENGTH):
        said.append(word)
        word = rng.choice(follow[word])
    return f"{question} {' '.join(said)}"
