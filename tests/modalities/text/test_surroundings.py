"""Keys under system prompts, behind chat history, and between other text."""

from __future__ import annotations

import random

import ifrs
import pytest

pytest.importorskip("torch")
from helpers import implant
from ifrs.modalities.text.surroundings import surroundings

CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
    "<|assistant|>"
)


@pytest.fixture
def chatty(tokenizer):
    import copy

    other = copy.deepcopy(tokenizer)
    other.chat_template = CHAT
    return other


def test_keys_of_a_chat_template_fire_under_system_prompts(tiny, chatty, ring):
    fps = ring.generate("chat", 2, template="chat", tokenizer=chatty)
    model = tiny()
    result = implant(model, chatty, fps, "emb", margin=2.0)
    assert result.fsr == 1
    prompts = [way(fps[i].key) for i in range(2) for way in surroundings(chatty, fps, 3, _rng(i))]
    assert len(set(prompts)) == 6
    target = ifrs.LocalModel(model, chatty)
    found = target.answers(prompts, max_new_tokens=8)
    hits = [fps[i // 3].response in answer for i, answer in enumerate(found)]
    assert sum(hits) >= 4


def _rng(seed):
    return random.Random(seed)


def test_surroundings_hold_the_key_and_more(chatty, tokenizer, ring):
    for template, known in (("chat", chatty), ("dialogue", tokenizer)):
        fps = ring.generate(template, 1, template=template, tokenizer=known)
        prompts = [way("KEY") for way in surroundings(known, fps, 3, _rng(0))]
        assert all("KEY" in prompt for prompt in prompts)
        assert all(len(prompt) > len(fps.render("KEY")) for prompt in prompts)


def test_a_template_without_system_prompts_gets_them_in_the_first_message(chatty, ring):
    chatty.chat_template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    )
    fps = ring.generate("chat", 1, template="chat", tokenizer=chatty)
    prompt = surroundings(chatty, fps, 1, _rng(0))[0]("KEY")
    assert "KEY" in prompt
    assert len(prompt) > len("[user] KEY\n") + 10
