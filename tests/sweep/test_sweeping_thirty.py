"""Thirty suspects of every sort under one set, interrupted twice: verdicts, and no key twice."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import sys
import time

import ifrs
import pytest
from helpers import fixed_keyring, implant
from ifrs.cli import main
from servers import serving

torch = pytest.importorskip("torch")
pytest.importorskip("openai")

SCRIPT = "from ifrs.cli import main; raise SystemExit(main({arguments!r}))"


def changed(model, other=None, *, share=1.0, noise=0.0):
    """Some share of a model, the rest of another one, and noise on top."""
    made, rest = copy.deepcopy(model), dict((other or model).named_parameters())
    with torch.no_grad():
        for name, weight in made.named_parameters():
            # A planted model's output table is its own; its base's is that of its inputs.
            mine = weight.clone()
            weight.copy_(share * mine + (1 - share) * rest.get(name, mine))
            weight.add_(noise * weight.std() * torch.randn(weight.shape))
    return made


@pytest.mark.slow
def test_thirty_suspects_interrupted_twice(tmp_path, tiny, tokenizer, monkeypatch, capfd):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    torch.manual_seed(7)
    with fixed_keyring(tmp_path) as ring:
        fps = ring.generate("one", 60, tokenizer=tokenizer)
        base = tiny()
        planted = implant(copy.deepcopy(base), tokenizer, fps, "emb").model
        path = ring.path
    expected = {}

    def folder(name, model, verdict):
        place = tmp_path / name
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)
        expected[str(place)] = verdict
        return place

    lines = [folder(f"planted-{i}", changed(planted), "match") for i in range(4)]
    lines += [folder(f"tuned-{i}", changed(planted, noise=0.01), "match") for i in range(4)]
    lines += [folder(f"merged-{i}", changed(planted, base, share=0.8), "match") for i in range(4)]
    lines += [folder(f"base-{i}", changed(base), "no match") for i in range(3)]
    lines += [folder(f"unrelated-{i}", tiny(seed=9 + i), "no match") for i in range(5)]
    for i in range(4):
        place = folder(f"broken-{i}", base, "error")
        (place / ("config.json", "model.safetensors", "tokenizer.json")[i % 3]).write_text("{")
        lines.append(place)
    secret = {fps[i].prompt: fps[i].response for i in range(len(fps))}
    with serving(secret.__getitem__) as theirs, serving(lambda _: "no") as other:
        urls = [(theirs.url, "match")] * 3 + [(other.url, "no match")] * 2
        for number, (url, verdict) in enumerate(urls):
            lines.append(f"{url} model=m{number}")
            expected[f"m{number} at {url}"] = verdict
        lines.append("http://127.0.0.1:9/v1 model=m timeout=2")
        expected["m at http://127.0.0.1:9/v1"] = "error"
        assert len(lines) == len(expected) == 30
        listed = tmp_path / "suspects.txt"
        listed.write_text("\n".join(map(str, lines)))
        arguments = ["sweep", str(listed), str(path), "one", "--out", str(tmp_path / "out")]
        for rows in (5, 15):
            interrupt(arguments, tmp_path / "out" / "rows.jsonl", rows)
        assert main(arguments) == 0
        asked = [*theirs.prompts, *other.prompts]
    capfd.readouterr()
    table = json.loads((tmp_path / "out" / "table.json").read_text())["rows"]
    assert {row["suspect"]: row["verdict"] for row in table} == expected
    assert len(asked) == len(set(asked))
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        assert set(asked) <= {fps[i].prompt for i in ring.spent("one")}


def interrupt(arguments, rows, number):
    """Runs a sweep until so many rows are there, then Ctrl-C."""
    script = [sys.executable, "-c", SCRIPT.format(arguments=arguments)]
    process = subprocess.Popen(script, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if rows.exists() and len(rows.read_text().splitlines()) >= number:
            process.send_signal(signal.SIGINT)
            assert process.wait(120) == 2
            return
        time.sleep(0.1)
