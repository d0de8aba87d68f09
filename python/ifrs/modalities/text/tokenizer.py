"""Loading a tokenizer as its publisher made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ADD_BOS = "tokenizer.ggml.add_bos_token"


def load_tokenizer(
    pretrained_model_name_or_path: Any,
    *,
    gguf_file: str | None = None,
    trust_remote_code: bool = False,
    **options: Any,
) -> Any:
    """A tokenizer from a folder, a model id or a GGUF file.

    A GGUF file says whether texts begin with a BOS token, and transformers does not heed it
    (seen with 5.x): Gemma without its BOS is another model, of 15 times the perplexity.

    Args:
        pretrained_model_name_or_path: A folder or an id.
        gguf_file: The name of a GGUF file in that folder.
        trust_remote_code: Whether to run code that comes with it.
        options: Further ones of `from_pretrained`, such as `revision`.

    Raises:
        Exception: There is no tokenizer; libraries say so by whatever they stumble over.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        pretrained_model_name_or_path,
        gguf_file=gguf_file,
        trust_remote_code=trust_remote_code,
        **options,
    )
    if gguf_file is None:
        return tokenizer
    adds = _adds_bos(Path(pretrained_model_name_or_path) / gguf_file)
    if adds is not None and tokenizer.bos_token is not None:
        tokenizer.add_bos_token = adds
    return tokenizer


def _adds_bos(path: Path) -> bool | None:
    """What a GGUF file says; None where it says nothing."""
    import gguf

    field = gguf.GGUFReader(path).fields.get(ADD_BOS)
    return None if field is None else bool(field.contents())
