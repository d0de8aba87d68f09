"""A library that is missing is said in one line, with what installs it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers import fixed_keyring


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["implant", "model", "{path}", "one", "--out", "out"], "planting needs torch"),
        (["verify", "model", "{path}", "one"], "local models need torch"),
        (["generate", "{path}", "two", "--model", "model"], "models are read by torch"),
        (["generate", "{path}", "two", "--tokenizer", "model"], "read by transformers"),
        (["audit", "model", "{path}", "one", "--out", "out"], "the audit needs torch"),
        (["demo"], "the demo is an extra"),
    ],
)
def test_torch_is_missing(arguments, says, tmp_path, monkeypatch):
    with fixed_keyring(tmp_path) as ring:
        ring.generate("one", 2)
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    code = "import sys\n"
    code += "sys.modules.update(dict.fromkeys(('torch', 'transformers', 'tokenizers')))\n"
    code += "from ifrs.cli import run; run()"
    given = [text.format(path=ring.path) for text in arguments]
    done = subprocess.run(
        [sys.executable, "-c", code, *given], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert says in done.stderr
    assert "pip install 'ifrs[" in done.stderr
