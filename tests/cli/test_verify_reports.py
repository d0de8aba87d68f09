"""`ifrs verify --json`: which reports it replaces."""

from __future__ import annotations

import ifrs
import pytest
from helpers import fixed_keyring
from ifrs.cli.verify import _spare_others


class Silent:
    def __init__(self, name):
        self.name = name

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return ["" for _ in prompts]

    def describe(self):
        return {"kind": "test", "name": self.name}


def test_a_report_on_another_suspect_or_set_is_spared(tmp_path):
    ring = fixed_keyring(tmp_path)
    one, two = ring.generate("one", 4), ring.generate("two", 4)
    path, suspect = tmp_path / "report.json", Silent("theirs")
    _spare_others(path, suspect, [one])  # there is none yet
    ifrs.verify(suspect, one).save(path)
    _spare_others(path, suspect, [one])  # asked once more
    _spare_others(None, Silent("other"), [one])
    with pytest.raises(FileExistsError, match="a report on theirs under one: choose another file"):
        _spare_others(path, Silent("other"), [one])
    with pytest.raises(FileExistsError, match="a report on theirs under one"):
        _spare_others(path, suspect, [two])


def test_each_report_of_several_sets_is_spared(tmp_path):
    ring = fixed_keyring(tmp_path)
    sets = [ring.generate("one", 4), ring.generate("two", 4)]
    path, suspect = tmp_path / "report.json", Silent("theirs")
    ifrs.verify(suspect, sets).save(path)
    _spare_others(path, suspect, sets)
    with pytest.raises(FileExistsError, match=r"report\.one\.json holds a report on theirs"):
        _spare_others(path, Silent("other"), sets)
