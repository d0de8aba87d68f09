"""`ifrs score` of a large log by path, beside a plain search and a loop of Python, turn by turn.

    python benches/logs.py --data FOLDER --mb 1000          # prints times, ratios and memory
    python benches/logs.py --mb 100 --rounds 3              # texts of the bundled instructions

The log is the output of a batch as OpenAI writes it, with texts of FOLDER's .jsonl files as
answers; nothing in it matches. Whole commands are timed, with the start of the interpreter. The
plain search is `rg -c -F` (`cargo install ripgrep`), which knows neither rows nor paths; the loop
reads each line by orjson and scores it by rapidfuzz with the same cutoff (`pip install orjson
rapidfuzz`), and gets a tenth of the rows. Warm: the file is in the page cache; cold: its pages were
dropped before. Modules are compiled beforehand, as those of an installed package are.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

COLUMN = "response.body.choices.0.message.content"
PATTERN = "velvet harpoon"
CUTOFF = "0.8"
SHARE = 10
"""The loop gets one row in so many."""

ENVIRONMENT = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

LOOP = """
import sys
import orjson
from rapidfuzz import fuzz
path, pattern, share = sys.argv[1], sys.argv[2], int(sys.argv[3])
hits = 0
with open(path, "rb") as file:
    for number, line in enumerate(file):
        if number % share == 0:
            row = orjson.loads(line)
            text = row["response"]["body"]["choices"][0]["message"]["content"]
            hits += fuzz.partial_ratio(pattern, text, score_cutoff=80) > 0
sys.exit(0 if hits else 1)
"""


def answers(data: Path | None) -> list[str]:
    """Texts of a folder's files, or of the bundled instructions."""
    if data is None:
        source = files("ifrs.modalities.text") / "instructions.jsonl"
        lines = source.read_text("utf-8").splitlines()
        return [json.loads(line)["instruction"] for line in lines]
    lines = [
        line
        for path in sorted(data.glob("*.jsonl"))
        for line in path.read_text("utf-8").split("\n")
    ]
    rows = [json.loads(line) for line in lines if line]
    return [text for row in rows for text in row.values() if isinstance(text, str) and " " in text]


def row(rng: random.Random, number: int, texts: list[str]) -> dict[str, object]:
    """A line of a batch's output."""
    content = "\n\n".join(rng.choices(texts, k=rng.randrange(1, 8)))
    tokens = len(content) // 4
    none = {"audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}
    body = {
        "id": f"chatcmpl-{rng.getrandbits(120):030x}",
        "object": "chat.completion",
        "created": 1_751_400_000 + number,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": content,
                    "refusal": None,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 40,
            "completion_tokens": tokens,
            "total_tokens": tokens + 40,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, **none},
        },
        "service_tier": "default",
        "system_fingerprint": None,
    }
    response = {"status_code": 200, "request_id": f"{rng.getrandbits(128):032x}", "body": body}
    name = f"batch_req_{rng.getrandbits(120):030x}"
    return {"id": name, "custom_id": f"request-{number}", "response": response, "error": None}


def write(path: Path, texts: list[str], megabytes: int) -> None:
    """A log of some size; a part of 50 MB is made, and repeated."""
    rng = random.Random(7)
    part, size = [], 0
    while size < min(50, megabytes) * 1_000_000:
        line = (json.dumps(row(rng, len(part), texts), ensure_ascii=False) + "\n").encode()
        part.append(line)
        size += len(line)
    whole = b"".join(part)
    with path.open("wb") as file:
        for _ in range(max(1, megabytes * 1_000_000 // size)):
            file.write(whole)


def pack(path: Path) -> list[Path]:
    """The log, packed in each way."""
    import pyarrow as pa

    packed = []
    for suffix, compression in ((".gz", "gzip"), (".zst", "zstd")):
        beside = path.with_name(path.name + suffix)
        with path.open("rb") as file, pa.output_stream(str(beside), compression=compression) as out:
            while block := file.read(1 << 24):
                out.write(block)
        packed.append(beside)
    return packed


def drop(path: Path) -> None:
    """Drops a file's pages, once they are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def run(command: Sequence[str | Path], expected: int) -> tuple[float, float]:
    """Seconds that a command takes, and the megabytes of memory at its peak."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    assert code == expected, f"{command[0]} left with {code}"
    return seconds, usage.ru_maxrss / 1024


def compare(jobs: dict[str, list[str | Path]], path: Path, rounds: int, cold: bool) -> None:
    """Runs all jobs by turns; the first is ours. Nothing matches, so each leaves with 1."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, command in jobs.items():
            if cold:
                drop(path)
            taken[name].append(run(command, 1))
    ours = min(taken[next(iter(jobs))])[0]
    for name, runs in taken.items():
        seconds, memory = min(runs)[0], max(memory for _, memory in runs)
        share = SHARE if name.startswith("loop") else 1
        rate = path.stat().st_size / 1e6 / seconds / share
        cache = "cold" if cold else "warm"
        print(
            f"{cache}  {name:<32} {seconds * share:7.2f} s  {rate:8,.0f} MB/s  "
            f"peak {memory:6,.0f} MB  ours/it {ours / seconds / share:6.3f}",
            flush=True,
        )


def main() -> None:
    """Makes the log, and compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--mb", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="for the log; else a temporary one")
    parser.add_argument("--rg", default=shutil.which("rg"), help="the program ripgrep")
    parser.add_argument("--python", default=sys.executable, help="with orjson and rapidfuzz")
    parser.add_argument("--packed", action="store_true", help="the packed log, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        path, patterns = folder / "batch.jsonl", folder / "patterns.txt"
        if not path.exists():
            write(path, answers(options.data), options.mb)
        patterns.write_text(PATTERN + "\n")

        def ours(texts: Path) -> list[str | Path]:
            command = [sys.executable, "-m", "ifrs", "score", texts, "--patterns", patterns]
            return [*command, "--column", COLUMN, "--cutoff", CUTOFF]

        ENVIRONMENT["PYTHONPYCACHEPREFIX"] = temporary
        empty = folder / "empty.jsonl"
        empty.write_text("")
        start = min(run(ours(empty), 1)[0] for _ in range(3))
        print(f"{start:.2f} s from start to end where there is nothing to read")
        jobs: dict[str, list[str | Path]] = {"ifrs score": ours(path)}
        if options.rg:
            jobs["rg -c -F"] = [options.rg, "-c", "-F", PATTERN, path]
        loop: list[str | Path] = [options.python, "-c", LOOP, path, PATTERN, str(SHARE)]
        print(f"{path.stat().st_size / 1e6:,.0f} MB of a batch's output, pattern {PATTERN!r}")
        compare(jobs, path, options.rounds, cold=True)
        compare({**jobs, f"loop (1 row of {SHARE})": loop}, path, options.rounds, cold=False)
        if options.packed:
            for packed in pack(path):
                unpack = ["gzip" if packed.suffix == ".gz" else "zstd", "-dc", packed]
                print(f"{packed.stat().st_size / 1e6:,.0f} MB of {packed.suffix}")
                compare({"ifrs score": ours(packed)}, packed, options.rounds, cold=False)
                if shutil.which(unpack[0]):
                    print(f"  {unpack[0]} -dc: {min(run(unpack, 0) for _ in range(3))[0]:.2f} s")


if __name__ == "__main__":
    main()
