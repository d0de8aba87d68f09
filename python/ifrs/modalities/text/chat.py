"""The tokenizer's own chat template around a key."""

from __future__ import annotations

from typing import Any

from ifrs.errors import FingerprintError

# A private-use character stands for the key: no template holds it.
_PLACE = "\ue000"


def chat_template(tokenizer: Any) -> tuple[str, str]:
    """What a tokenizer's chat template puts before and after one user message.

    Raises:
        FingerprintError: There is no tokenizer, or it has no chat template.
    """
    if tokenizer is None:
        raise FingerprintError('template "chat" is the tokenizer\'s own: pass tokenizer=…')
    if not getattr(tokenizer, "chat_template", None):
        raise FingerprintError(
            'this tokenizer has no chat template: use template="dialogue" or "simple"'
        )
    message = [{"role": "user", "content": _PLACE}]
    text = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    before, place, after = str(text).partition(_PLACE)
    if not place:
        raise FingerprintError("this tokenizer's chat template drops the user's message")
    return before, after
