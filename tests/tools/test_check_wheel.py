"""A wheel that is too large, too narrow or not whole is noticed."""

from __future__ import annotations

import zipfile

import check_wheel
import pytest

GOOD = "ifrs-0.1.0-cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    monkeypatch.setattr(check_wheel.sys, "platform", "linux")

    def make(name=GOOD, names=check_wheel.NEEDED):
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            for one in names:
                file.writestr(one, "x")
        return tmp_path / name

    return make


def test_a_good_wheel(wheel):
    assert list(check_wheel.problems(wheel())) == []


def test_a_narrow_wheel(wheel):
    name = "ifrs-0.1.0-cp311-cp311-linux_x86_64.whl"
    narrow = list(check_wheel.problems(wheel(name)))
    assert [problem.split(" (")[0] for problem in narrow] == [
        "it is not for every Python from 3.10 on",
        "it is not for every Linux",
    ]


def test_a_wheel_that_lacks_and_holds(wheel):
    found = list(check_wheel.problems(wheel(names=[*check_wheel.NEEDED[1:], "tests/a.py"])))
    assert found == ["it lacks ifrs/_core.abi3.so", "it holds tests/a.py"]


def test_a_large_wheel(wheel, monkeypatch):
    monkeypatch.setattr(check_wheel, "MOST_BYTES", 10)
    assert "more than 10" in next(check_wheel.problems(wheel()))
