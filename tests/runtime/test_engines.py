"""What is known of engines that read one table."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from ifrs.runtime.engines import REFUSES, TIES, untied_risk

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serving.md"


def test_one_line_says_who_and_what_to_do():
    gemma = SimpleNamespace(model_type="gemma2")
    said = untied_risk(gemma, {"peft", "tied", "untied"})
    assert said == (
        "llama.cpp, SGLang and vLLM read one table for input and output of gemma2 models, and MLX "
        "LM refuses two: save with form='peft' or plant with ImplantConfig(tied=True) and save "
        "with form='tied' (docs/how-to/serving.md)"
    )
    assert "form=" not in untied_risk(gemma)
    assert untied_risk(SimpleNamespace(model_type="mpt")).startswith("vLLM reads one table")


@pytest.mark.parametrize("name", ["llama", "gemma3_text", "qwen3", "mistral", None])
def test_nothing_is_said_of_others(name):
    assert untied_risk(SimpleNamespace(model_type=name), {"peft"}) is None


def test_the_text_part_of_a_larger_model_counts():
    text = SimpleNamespace(model_type="cohere2")
    whole = SimpleNamespace(model_type="aya_vision", get_text_config=lambda: text)
    assert "cohere2" in untied_risk(whole)


def test_every_entry_has_its_source():
    """Each architecture is a section of the page, in which every engine of its entries is named."""
    parts = PAGE.read_text(encoding="utf-8").split("\n### ")[1:]
    sections = {part.split("\n")[0].split("`")[1]: part for part in parts}
    assert sections.keys() >= TIES.keys()
    assert REFUSES.keys() <= TIES.keys()
    for name in TIES:
        for engine in (*TIES[name], *REFUSES.get(name, ())):
            (row,) = [
                line for line in sections[name].split("\n") if line.startswith(f"| {engine} ")
            ]
            assert "https://github.com/" in row
            assert ("refuses" if engine in REFUSES.get(name, ()) else "ties") in row
