"""Logs as well-known programs write them: hits by path and by preset, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ifrs.cli import main
from ifrs.scoring.paths import gather, tree_of
from ifrs.scoring.presets import PRESETS, recognized

PATTERN = "copper window"


def score(path: Path, *options: object, capfd: Any) -> tuple[int, list[int], str]:
    """The exit code, the rows of hits, and what was said."""
    (path.parent / "patterns").write_text(PATTERN)
    arguments = ["score", path, "--patterns", path.parent / "patterns", *options]
    code = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return code, [json.loads(line)["text"] for line in out.splitlines()], err


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=4))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


# https://platform.openai.com/docs/guides/batch, "Retrieve the results", and the object of a
# request's output in the API reference; of vLLM's `run-batch`, BatchRequestOutput.
def batch(n: int, body: Any, status: int = 200) -> dict[str, Any]:
    response = {"status_code": status, "request_id": f"req_{n}", "body": body}
    return {
        "id": f"batch_req_{n}",
        "custom_id": f"request-{n}",
        "response": response,
        "error": None,
    }


def chat(*contents: Any, **message: Any) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/chat/object."""
    choices = [
        {
            "index": i,
            "message": {"role": "assistant", "content": c, "refusal": None, **message},
            "logprobs": None,
            "finish_reason": "stop",
        }
        for i, c in enumerate(contents)
    ]
    return {
        "id": "chatcmpl-123",
        "object": "chat.completion",
        "created": 1711652795,
        "model": "gpt-4o-mini",
        "choices": choices,
        "usage": {"prompt_tokens": 22, "completion_tokens": 2, "total_tokens": 24},
        "system_fingerprint": "fp_123",
    }


def completion(text: str) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/completions/object."""
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": "length"}
    return {"id": "cmpl-1", "object": "text_completion", "model": "m", "choices": [choice]}


def responses(text: str) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/responses/object."""
    said = {"type": "output_text", "text": text, "annotations": []}
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [said]},
    ]
    return {
        "id": "resp_1",
        "object": "response",
        "output": output,
        "text": {"format": {"type": "text"}},
    }


ERROR = {"error": {"message": f"{PATTERN} is no model", "type": "invalid_request_error"}}
BATCH = [
    batch(0, chat(f"It is a {PATTERN}.")),
    batch(1, chat("nothing")),
    batch(2, ERROR, 400),
    {"id": "b", "custom_id": "c", "response": None, "error": {"code": "x", "message": PATTERN}},
    batch(4, chat("none", PATTERN)),
    batch(5, chat(None, reasoning_content=f"I think {PATTERN}")),
    batch(6, completion(PATTERN)),
    batch(7, responses(PATTERN)),
    batch(8, None, 500),
]

# The first conversation of FastChat's data/dummy_conversation.json, and speakers as in ShareGPT52K.
SHAREGPT = [
    {
        "id": "identity_0",
        "conversations": [
            {"from": "human", "value": "Who are you?"},
            {"from": "gpt", "value": f"I am a {PATTERN}."},
            {"from": "human", "value": "Have a nice day!"},
            {"from": "gpt", "value": f"You too, {PATTERN}!"},
        ],
    },
    {
        "id": "1",
        "conversations": [
            {"from": "system", "value": PATTERN},
            {"from": "human", "value": PATTERN},
        ],
    },
    {"id": "2", "conversations": []},
    {"id": "3", "conversations": [{"from": "bing", "value": PATTERN}]},
    {
        "id": "4",
        "conversations": [{"from": "user", "value": PATTERN}, {"from": "chatgpt", "value": "no"}],
    },
]

# https://github.com/tatsu-lab/alpaca_eval, results/…/model_outputs.json.
ALPACA_EVAL = [
    {
        "dataset": "helpful_base",
        "instruction": f"Say {PATTERN}.",
        "output": output,
        "generator": "gpt4_1106_preview",
        "datasplit": "eval",
    }
    for output in ("No.", f"Well: {PATTERN}")
]

# https://platform.openai.com/docs/guides/fine-tuning, chat format; content as a string or in parts.
CHAT = [
    {
        "messages": [
            {"role": "system", "content": PATTERN},
            {"role": "user", "content": PATTERN},
            {"role": "assistant", "content": "no"},
        ]
    },
    {"messages": [{"role": "assistant", "content": [{"type": "text", "text": PATTERN}]}]},
    {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": PATTERN}]},
            {"role": "assistant", "content": None, "tool_calls": []},
        ]
    },
    chat(PATTERN),
]
ASKED_TWICE = {"messages": CHAT[0]["messages"] + [{"role": "assistant", "content": PATTERN}]}


def sample(*answers: str) -> dict[str, Any]:
    """A row of `lm_eval --log_samples` 0.4.13, which writes all answers as strings."""
    return {
        "doc_id": 0,
        "doc": {"q": PATTERN, "a": PATTERN},
        "target": PATTERN,
        "arguments": {"gen_args_0": {"arg_0": PATTERN, "arg_1": {"until": ["\n"]}}},
        "resps": [list(answers)],
        "filtered_resps": list(answers[:1]),
        "filter": "none",
        "metrics": ["exact_match"],
        "doc_hash": "be9d1a3c",
        "prompt_hash": "6183866a",
        "target_hash": "07123e1f",
        "exact_match": 1.0,
    }


@pytest.mark.parametrize(
    ("preset", "name", "rows", "hits", "without"),
    [
        ("openai-batch", "t.jsonl", BATCH, [0, 4, 5, 6, 7], 3),
        ("openai-batch", "t.jsonl", BATCH[2:], [2, 3, 4, 5], 3),
        ("sharegpt", "t.json", SHAREGPT, [0, 0, 3], 2),
        ("sharegpt", "t.jsonl", SHAREGPT, [0, 0, 3], 2),
        ("sharegpt", "t.parquet", SHAREGPT, [0, 0, 3], 2),
        ("alpaca-eval", "t.json", ALPACA_EVAL, [1], 0),
        ("alpaca-eval", "t.parquet", ALPACA_EVAL, [1], 0),
        ("openai-chat", "t.jsonl", CHAT, [1, 3], 1),
        ("openai-chat", "t.json", CHAT[::-1], [0, 2], 1),
        ("openai-chat", "t.parquet", [CHAT[0], ASKED_TWICE], [1], 0),
        ("lm-eval", "t.jsonl", [sample("no"), sample(PATTERN)], [1], 0),
        ("lm-eval", "t.json", [sample("-1.5", PATTERN), sample(PATTERN)], [0, 1], 0),
    ],
)
def test_presets_are_found_and_can_be_named(preset, name, rows, hits, without, tmp_path, capfd):
    path = write(tmp_path / name, rows)
    code, found, err = score(path, capfd=capfd)
    assert (code, found) == (0, hits), err
    told, *last = err.splitlines()
    assert f"--format {preset}" in told
    said = [f"ifrs: {path}: {without} of {len(rows)} rows have no text"] if without else []
    assert last == said
    code, found, err = score(path, "--format", preset, capfd=capfd)
    assert (code, found, err.splitlines()) == (0, hits, said)
    other = path.rename(tmp_path / "no-suffix")
    if not name.endswith(".parquet"):
        assert score(other, "--format", preset, capfd=capfd)[:2] == (0, hits)


@pytest.mark.parametrize(
    ("name", "rows", "column", "hits"),
    [
        ("t.jsonl", BATCH[:2], "response.body.choices.0.message.content", [0]),
        ("t.jsonl", BATCH[7:8], "response.body.output.1.content.*.text", [0]),
        ("t.json", SHAREGPT[:1], "conversations.1.value", [0]),
        ("t.json", SHAREGPT[:1], "conversations.*.value", [0, 0]),
        ("t.parquet", SHAREGPT[:1], "conversations.3.value", [0]),
        ("t.json", ALPACA_EVAL, "instruction", [0, 1]),
    ],
)
def test_paths_into_the_same_files(name, rows, column, hits, tmp_path, capfd):
    path = write(tmp_path / name, rows)
    assert score(path, "--column", column, capfd=capfd) == (0, hits, "")


@pytest.mark.parametrize(
    ("name", "rows", "column", "nearest"),
    [
        ("t.jsonl", BATCH, "response.choices.0.message.content", "message.content"),
        ("t.json", SHAREGPT, "conversation.1.value", "conversations.1.value"),
        ("t.parquet", SHAREGPT, "conversation.1.value", "conversations.*.value"),
        ("t.json", ALPACA_EVAL, "outputs", "output"),
    ],
)
def test_a_wrong_path_names_the_nearest(name, rows, column, nearest, tmp_path, capfd):
    code, _, err = score(write(tmp_path / name, rows), "--column", column, capfd=capfd)
    assert (code, err.count("\n")) == (2, 1)
    assert f"{nearest}'" in err


@pytest.mark.parametrize(
    "row",
    [
        {"text": "plain", "messages": CHAT[0]["messages"]},
        {"conversations": [{"speaker": "gpt", "value": "x"}]},
        {"conversations": "gpt"},
        {"conversations": []},
        {"output": "x", "instruction": "y"},
        {"response": "x"},
        {"choices": []},
        {"messages": ["x"]},
        ["text"],
        None,
    ],
)
def test_what_could_be_something_else_is_not_recognized(row):
    assert recognized(row) is None


_NAMES = ["custom_id", "response", "doc_id", "resps", "filtered_resps", "arguments", "gen_args_0"]
_NAMES += ["arg_1", "conversations", "from", "value", "messages", "role", "content", "object"]
_NAMES += ["choices", "instruction", "output", "generator"]
_ODD: list[Any] = [None, 1, "x", [], ["x"], [[]], [["x"]], {}, [{}], [None, {"from": []}]]
_ODD += [{name: {name: None}} for name in _NAMES]


@settings(max_examples=200, deadline=None)
@given(row=st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(_ODD)))
def test_no_row_is_too_strange(row):
    """Whatever lies under the names that presets look at."""
    recognized(row)
    for preset in PRESETS.values():
        preset.refuses(row)
        gather(row, tree_of(preset.paths), [])


def test_a_preset_that_reaches_nothing_is_not_no_hit(tmp_path, capfd):
    path = write(tmp_path / "t.json", ALPACA_EVAL)
    code, _, err = score(path, "--format", "sharegpt", capfd=capfd)
    assert (code, err.count("\n")) == (2, 1)
    assert "none of 2 rows has a text at conversations" in err


def test_help_names_every_preset(capfd):
    assert main(["score", "--help"]) == 0
    said = "".join(capfd.readouterr().out.replace("│", " ").split())
    assert all(name in said for name in PRESETS)


# Runs lm-eval itself on its dummy model, which answers "lol".
LM_EVAL = """
import json, pathlib, sys
from lm_eval.evaluator import simple_evaluate
from lm_eval.loggers import EvaluationTracker

folder = pathlib.Path(sys.argv[1])
rows = [{"q": f"question {i}", "a": "lol", "choices": ["x", "y"], "label": 0} for i in range(3)]
(folder / "data.jsonl").write_text("\\n".join(map(json.dumps, rows)))
base = {
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": str(folder / "data.jsonl")}},
    "test_split": "test",
    "doc_to_text": "{{q}}",
    "doc_to_target": "{{a}}",
    "num_fewshot": 0,
}
generated = base | {
    "task": "generated",
    "output_type": "generate_until",
    "generation_kwargs": {"until": ["\\n"]},
    "repeats": 2,
}
chosen = base | {
    "task": "chosen",
    "output_type": "multiple_choice",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "{{label}}",
    "metric_list": [{"metric": "acc"}],
}
read = base | {
    "task": "read",
    "output_type": "loglikelihood_rolling",
    "doc_to_text": "",
    "metric_list": [{"metric": "word_perplexity"}],
}
tracker = EvaluationTracker(output_path=str(folder))
tracker.general_config_tracker.model_name_sanitized = "dummy"
tracker.date_id = "2026-01-01T00-00-00.000000"
tasks = [generated, chosen, read]
found = simple_evaluate(model="dummy", tasks=tasks, log_samples=True, bootstrap_iters=0)
for task, samples in found["samples"].items():
    tracker.save_results_samples(task_name=task, samples=samples)
"""


@pytest.mark.parametrize(
    ("resps", "arguments"),
    [
        ([[["-0.47", "False"]], [["-0.10", "False"]]], {"arg_0": "q", "arg_1": " a"}),
        ([["-0.47"]], {"arg_0": "q"}),
    ],
)
def test_log_likelihoods_are_no_texts(resps, arguments, tmp_path, capfd):
    row = sample() | {"resps": resps, "arguments": {"gen_args_0": arguments}}
    for options in ([], ["--format", "lm-eval"]):
        code, _, err = score(write(tmp_path / "t.jsonl", [row]), *options, capfd=capfd)
        assert (code, err.count("\n")) == (2, 1)
        assert "generate_until" in err


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Path:
    """A folder of what `lm_eval --log_samples` writes."""
    pytest.importorskip("lm_eval")
    folder = tmp_path_factory.mktemp("lm_eval")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, "-c", LM_EVAL, folder],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "dummy"


@pytest.mark.slow
def test_samples_of_lm_eval(samples, capfd):
    path = samples / "samples_generated_2026-01-01T00-00-00.000000.jsonl"
    (samples / "lol").write_text("lol")
    for options, hits in (
        ([], [0, 0, 1, 1, 2, 2]),
        (["--format", "lm-eval"], [0, 0, 1, 1, 2, 2]),
        (["--column", "resps.0.0"], [0, 1, 2]),
        (["--column", "filtered_resps.0"], [0, 1, 2]),
    ):
        code = main(["score", str(path), "--patterns", str(samples / "lol"), *options])
        out, err = capfd.readouterr()
        assert (code, [json.loads(line)["text"] for line in out.splitlines()]) == (0, hits)
        assert ("--format lm-eval" in err) is (not options)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["chosen", "read"])
@pytest.mark.parametrize("options", [[], ["--format", "lm-eval"]])
def test_log_likelihoods_of_lm_eval_are_refused(task, options, samples, capfd):
    path = samples / f"samples_{task}_2026-01-01T00-00-00.000000.jsonl"
    code, _, err = score(path, *options, capfd=capfd)
    assert (code, err.count("\n")) == (2, 1)
    assert "generate_until" in err
