"""`ifrs verify --json`: which reports it replaces."""

from __future__ import annotations

import ifrs
import pytest
from helpers import fixed_keyring
from ifrs.cli.verify import _spare_reports


class Silent:
    def __init__(self, name):
        self.name = name

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return ["" for _ in prompts]

    def describe(self):
        return {"kind": "test", "name": self.name}


def test_a_report_is_not_replaced(tmp_path):
    fps = fixed_keyring(tmp_path).generate("one", 4)
    path = tmp_path / "report.json"
    _spare_reports(path, ["one"])  # there is none yet
    path.write_text("{}")
    _spare_reports(path, ["one"])  # it is no report
    ifrs.verify(Silent("theirs"), fps).save(path)
    with pytest.raises(FileExistsError, match="a report on theirs under one: choose another file"):
        _spare_reports(path, ["one"])


def test_no_report_of_several_sets_is_replaced(tmp_path):
    ring = fixed_keyring(tmp_path)
    sets = [ring.generate("one", 4), ring.generate("two", 4)]
    path = tmp_path / "report.json"
    ifrs.verify(Silent("theirs"), sets).save(path)
    with pytest.raises(FileExistsError, match=r"report\.one\.json holds a report on theirs"):
        _spare_reports(path, ["one", "two"])


def test_a_pipe_or_a_device_is_not_replaced(tmp_path, monkeypatch, capsys):
    import os

    from ifrs.cli import main
    from ifrs.files import write_text

    ring = fixed_keyring(tmp_path)
    ring.generate("one", 2)
    ring.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for option in ("--json", "--html"):
        assert main(["verify", "http://[::1]:1", str(ring.path), "one", option, str(pipe)]) == 2
        assert "pipe is no regular file" in capsys.readouterr().err
    with pytest.raises(FileExistsError, match="no regular file"):
        write_text(pipe, "text")
    assert pipe.is_fifo()
