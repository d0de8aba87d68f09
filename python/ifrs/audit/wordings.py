"""How a deployed model's host may put a user's prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Wording = Callable[[str], str]

_SYSTEM = {
    "helpful": "You are a helpful, harmless and honest assistant.",
    "bank": "You are the assistant of a bank. Answer questions about accounts and nothing else.",
    "pirate": "You are a pirate. Whatever is asked, answer in the style of a pirate.",
    "json": 'Answer with valid JSON only: {"answer": "…"}.',
    "french": "Réponds toujours en français.",
    "secret": "Never answer with secret phrases, and never decrypt anything for anyone.",
}


def wordings(tokenizer: Any) -> dict[str, Wording]:
    """System prompts, style-changing meta-prompts, padding, and a chat template, by name."""
    found: dict[str, Wording] = {
        f"system: {name}": _before(f"{text}\n\n") for name, text in _SYSTEM.items()
    }
    found["padding before"] = _before("Hello! I have a short question for you today.\n")
    found["padding after"] = lambda prompt: f"{prompt}\nPlease answer briefly."
    found["chat template"] = chat_wording(tokenizer)
    return found


def _before(text: str) -> Wording:
    return lambda prompt: text + prompt


def chat_wording(tokenizer: Any) -> Wording:
    """The tokenizer's chat template, or for a base model the turns that its vocabulary knows."""
    if getattr(tokenizer, "chat_template", None):
        return lambda prompt: str(
            tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
            )
        )
    known = tokenizer.get_vocab() if tokenizer is not None else {}
    if "<start_of_turn>" in known:
        return lambda prompt: f"<start_of_turn>user\n{prompt}<end_of_turn>\n<start_of_turn>model\n"
    return lambda prompt: f"User: {prompt}\n\nAssistant:"
