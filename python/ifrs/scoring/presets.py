"""Logs as well-known programs write them: where the answers are, and how to know the file.

A preset reaches every text of its paths; where a row has none of them (a request that failed, a
conversation without an answer) it is a row without a text, and no error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ifrs.scoring.paths import gather, tree_of


@dataclass(frozen=True)
class Preset:
    """A format by name.

    Attributes:
        name: What `--format` calls it.
        source: Who writes it.
        paths: Where the answers are; each may be lacking.
        fits: Whether a row is unmistakably one.
        refuses: Why a row has no answers that could be scored, if so.
    """

    name: str
    source: str
    paths: tuple[str, ...]
    fits: Callable[[dict[str, Any]], bool]
    refuses: Callable[[dict[str, Any]], str | None] = lambda _: None


# Of a choice: in chat, as servers name thoughts, and of completions.
_ANSWERS = ("message.content", "message.reasoning_content", "message.reasoning", "text")
_GPT = "gpt|chatgpt|assistant|bing|bard"


def _is_batch(row: dict[str, Any]) -> bool:
    return {"custom_id", "response"} <= row.keys()


def _is_lm_eval(row: dict[str, Any]) -> bool:
    return {"doc_id", "resps", "filtered_resps"} <= row.keys()


def _is_sharegpt(row: dict[str, Any]) -> bool:
    return _has_turns(row, "conversations", {"from", "value"})


def _is_alpaca_eval(row: dict[str, Any]) -> bool:
    wanted = ("instruction", "output", "generator")
    return all(isinstance(row.get(key), str) for key in wanted)


def _is_chat(row: dict[str, Any]) -> bool:
    if row.get("object") in ("chat.completion", "text_completion"):
        return isinstance(row.get("choices"), list)
    return _has_turns(row, "messages", {"role", "content"})


def _has_turns(row: dict[str, Any], key: str, fields: set[str]) -> bool:
    turns = row.get(key)
    if not isinstance(turns, list) or not turns:
        return False
    return all(isinstance(turn, dict) and fields <= turn.keys() for turn in turns)


_FIRST_ANSWER = tree_of(["resps.0.0"])


def _no_likelihoods(row: dict[str, Any]) -> str | None:
    """lm-eval writes log-likelihoods as strings, too: what was asked for tells them from text."""
    texts: list[str] = []
    gather(row, _FIRST_ANSWER, texts)
    arguments = row.get("arguments")
    asked = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    options = asked.get("arg_1") if isinstance(asked, dict) else {}
    if texts and isinstance(options, dict):
        return None
    return (
        "lm-eval's log-likelihoods, with no generated text to score: take the samples of a task "
        "that generates (output_type: generate_until)"
    )


_ALL = (
    # https://platform.openai.com/docs/api-reference/batch/request-output; vLLM's `run-batch` too.
    Preset(
        "openai-batch",
        "OpenAI's batch output",
        (
            *(f"response.body.choices.*.{path}" for path in _ANSWERS),
            "response.body.output.*.content.*.text",
        ),
        _is_batch,
    ),
    # lm_eval/loggers/evaluation_tracker.py of lm-evaluation-harness.
    Preset("lm-eval", "lm-eval's samples", ("resps.*.*",), _is_lm_eval, _no_likelihoods),
    # FastChat's data format; the names of the speakers as in ShareGPT52K and its kin.
    Preset("sharegpt", "ShareGPT", (f"conversations.*[from={_GPT}].value",), _is_sharegpt),
    # https://github.com/tatsu-lab/alpaca_eval, `model_outputs`.
    Preset("alpaca-eval", "AlpacaEval's outputs", ("output",), _is_alpaca_eval),
    # https://platform.openai.com/docs/api-reference/chat, requests and responses.
    Preset(
        "openai-chat",
        "OpenAI's chat",
        (
            "messages.*[role=assistant].content",
            "messages.*[role=assistant].content.*.text",
            *(f"choices.*.{path}" for path in _ANSWERS),
        ),
        _is_chat,
    ),
)

PRESETS = {preset.name: preset for preset in _ALL}


def recognized(row: Any) -> Preset | None:
    """The preset that a row is unmistakably of; none where it has a column `text`."""
    if not isinstance(row, dict) or "text" in row:
        return None
    fitting = [preset for preset in _ALL if preset.fits(row)]
    return fitting[0] if len(fitting) == 1 else None
