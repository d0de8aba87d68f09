"""Ordinary instructions that ship with ifrs."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files


@cache
def bundled_instructions() -> tuple[str, ...]:
    """The bundled instructions, in order."""
    text = (files("ifrs.modalities.text") / "instructions.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(line)["instruction"] for line in text.splitlines())
